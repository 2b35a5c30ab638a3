"""What an exported graph's inputs and outputs are: parameters, buffers, constants, or the user's."""

import enum
from dataclasses import dataclass

__all__ = ["ExportGraphSignature", "InputKind", "InputSpec", "OutputKind", "OutputSpec", "TensorArgument"]


class InputKind(enum.Enum):
    """Where an input comes from."""

    USER_INPUT, PARAMETER, BUFFER, CONSTANT_TENSOR = range(1, 5)


class OutputKind(enum.Enum):
    """Where an output goes."""

    USER_OUTPUT = 1


@dataclass
class TensorArgument:
    """A tensor by its name in the graph."""

    name: str


@dataclass
class InputSpec:
    """An input: its kind, its name in the graph, and the state it stands for."""

    kind: InputKind
    arg: TensorArgument
    target: str | None
    persistent: bool | None = None


@dataclass
class OutputSpec:
    """An output: its kind and its name in the graph."""

    kind: OutputKind
    arg: TensorArgument
    target: str | None = None


@dataclass
class ExportGraphSignature:
    """All inputs and outputs of an exported graph, in order."""

    input_specs: list
    output_specs: list

    def _targets(self, kind) -> tuple:
        return tuple(s.target for s in self.input_specs if s.kind is kind)

    def _map(self, kind) -> dict:
        return {s.arg.name: s.target for s in self.input_specs if s.kind is kind}

    @property
    def parameters(self) -> tuple:
        """Names of the parameters that the graph uses."""
        return self._targets(InputKind.PARAMETER)

    @property
    def buffers(self) -> tuple:
        """Names of the buffers that the graph uses."""
        return self._targets(InputKind.BUFFER)

    @property
    def lifted_tensor_constants(self) -> tuple:
        """Names of the constants."""
        return self._targets(InputKind.CONSTANT_TENSOR)

    @property
    def user_inputs(self) -> tuple:
        """The user's inputs by their names in the graph."""
        return tuple(s.arg.name for s in self.input_specs if s.kind is InputKind.USER_INPUT)

    @property
    def user_outputs(self) -> tuple:
        """The user's outputs by their names in the graph."""
        return tuple(s.arg.name for s in self.output_specs)

    @property
    def inputs_to_parameters(self) -> dict:
        """Name in the graph -> parameter."""
        return self._map(InputKind.PARAMETER)

    @property
    def inputs_to_buffers(self) -> dict:
        """Name in the graph -> buffer."""
        return self._map(InputKind.BUFFER)
