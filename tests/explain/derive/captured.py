"""One call of an operation as a derivation sees it, and the gradients that the engine computes for the same numbers."""

import numpy as np

import lightwell as lw
from lightwell.explain.derive.evaluate import error_of
from lightwell.explain.derive.reader import read
from lightwell.explain.derive.terms import Term
from lightwell.ops.op import interpose


def call(name, f, *arrays):
    """(reading, {input: the engine's gradient}) of the first call of record `name` in f(*tensors)."""
    tensors = [lw.from_numpy(np.array(a)) for a in arrays]
    seen = []

    def note(rec, run, args):
        if rec.name == name and not seen:
            seen.append((rec, run, args))
        return run(*args)

    with interpose(note), lw.no_grad():
        f(*tensors)
    rec, run, args = seen[0]
    if rec.variadic:
        given, params = list(args[0]), args[1:]
    else:
        given, params = list(args[: len(rec.inputs)]), args[len(rec.inputs) :]
    given = [t.detach().clone() if isinstance(t, lw.Tensor) else t for t in given]
    for t in given:
        if isinstance(t, lw.Tensor) and (t.is_floating_point() or t.is_complex()):
            t.requires_grad_()
    reading = read(rec, given, params)
    outs = run(given, *params) if rec.variadic else run(*given, *params)
    outs = outs if isinstance(outs, (tuple, list)) else (outs,)
    gys = [lw.from_numpy(np.array(g.value)) for g, y in zip(reading.gys.values(), outs) if y.requires_grad]
    wanted = [t for t in given if isinstance(t, lw.Tensor) and t.requires_grad]
    outs = [y for y in outs if y.requires_grad]
    found = lw.autograd.grad(outs, wanted, gys, allow_unused=True) if outs else []
    names = list(reading.inputs)
    gradients = {names[i]: None for i in range(len(given))}
    for i, t in enumerate(given):
        for w, g in zip(wanted, found):
            if t is w and g is not None:
                gradients[names[i]] = g.detach().numpy()
    return reading, gradients


def lines_of(derivation):
    """All lines of a derivation."""
    return [*derivation.definition, *(line for part in derivation.parts for line in part.lines)]


def agree(derivation, reading, gradients, tolerance=1e-6):
    """Every line comes to what it must, in both languages; every part ends with the gradient that the engine computes."""
    for line in lines_of(derivation):
        en, zh = line.why
        assert en and any("一" <= c <= "鿿" for c in zh), f"{derivation.op}: a reason without a translation: {line.why}"
        if line.checked is not None:
            assert error_of(line, derivation.bindings) < tolerance, f"{derivation.op}: {line.left!r} = {line.right!r}"
    assert all(derivation.idea)
    told = {part.input: np.asarray(part.lines[-1].checked) for part in derivation.parts}
    for name, g in gradients.items():
        if g is not None:
            np.testing.assert_allclose(told[name], g, rtol=1e-7, atol=1e-9, err_msg=f"{derivation.op}: the gradient of {name}")
    assert {n for n, g in gradients.items() if g is not None} <= set(told)
    assert all(isinstance(line.right, Term) for line in lines_of(derivation))
    assert reading.record.name == derivation.op


def told(derivation, part=None):
    """The lines of a derivation (or of one part) as plain text."""
    from lightwell.explain.derive.notation import equation
    from lightwell.explain.derive.notation_plain import plain

    lines = derivation.definition if part is None else next(p for p in derivation.parts if p.input == part).lines
    return [plain(equation(line.left, line.relation, line.right)) for line in lines]
