"""How a device that this build hasn't got appears: functions that say so, classes that can be asked for but not made."""


def function(name: str, kind: type[BaseException], why: str):
    """A function of this name that raises `kind`."""

    def call(*args, **kwargs):
        raise kind(f"{why}: {name}()")

    call.__name__ = call.__qualname__ = name.rpartition(".")[2]
    call.__doc__ = f"{kind.__name__}: `{name}` needs a device that this build hasn't got."
    return call


def functions(home: str, kind: type[BaseException], why: str, names: str) -> dict:
    """Such functions for all the names, to put into a module's namespace."""
    return {name: function(f"{home}.{name}", kind, why) for name in names.split()}


def constant(name: str, make):
    """A function of this name that takes anything and returns `make()`."""

    def call(*args, **kwargs):
        return make()

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{make()!r}: what there is to say without a device."
    return call


def constants(make, names: str) -> dict:
    """Such functions for all the names."""
    return {name: constant(name, make) for name in names.split()}


def classes(module: str, kind: type[BaseException], why: str, names: str) -> dict:
    """Classes that no object is an instance of: making one raises `kind`."""

    def of(name):
        def __new__(cls, *args, **kwargs):
            raise kind(why.format(name))

        doc = f"{kind.__name__}: `{name}` needs a device that this build hasn't got."
        return type(name, (), {"__new__": __new__, "__module__": module, "__doc__": doc})

    return {name: of(name) for name in names.split()}
