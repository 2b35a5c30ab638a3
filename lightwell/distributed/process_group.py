"""Process groups: which there are, who is in them, how they begin and end."""

import atexit
import os
from datetime import timedelta

from ..errors.teaching import AssertionError, RuntimeError, TypeError, ValueError
from .backend import Backend, choose
from .constants import default_pg_timeout
from .gloo import GlooBackend
from .rendezvous import rendezvous
from .store import PrefixStore, Store
from .work import Lane


class ProcessGroup:
    """Some of the ranks, which do collectives together; made by `init_process_group` and `new_group`."""

    def __init__(self, name: str, ranks, backend, asked: str, timeout: timedelta, store=None, desc: str | None = None):
        self.group_name, self.group_desc, self._ranks = name, desc or "undefined", tuple(ranks)
        self._place = {r: i for i, r in enumerate(self._ranks)}
        self._backend, self._asked, self._timeout, self._store = backend, asked, timeout, store
        self._lane, self._senders = Lane(f"lightwell-group-{name}"), Lane(f"lightwell-sends-{name}")
        self._count = 0
        self.bound_device_id = None

    def rank(self) -> int:
        """This process's rank in the group."""
        return self._backend.rank

    def size(self) -> int:
        """How many ranks the group has."""
        return len(self._ranks)

    def name(self) -> str:
        """The backend's name."""
        return self._backend.name

    def get_group_store(self) -> Store:
        """The store of the group."""
        return self._store

    def set_timeout(self, timeout: timedelta) -> None:
        """Set how long collectives wait."""
        self._timeout, self._backend.timeout = timeout, timeout.total_seconds()

    def _number(self) -> int:
        """The number of the next collective: equal on all ranks, since all call the same ones."""
        self._count += 1
        return self._count

    def _get_backend_name(self) -> str:
        return self._backend.name

    def _get_sequence_number_for_group(self) -> int:
        return self._count

    def _close(self):
        self._lane.close()
        self._senders.close()

    def shutdown(self) -> None:
        """End the group's threads."""
        self._close()

    abort = shutdown

    def __repr__(self):
        return f"<torch.distributed.distributed_c10d.ProcessGroup {self.group_name}: ranks {list(self._ranks)}>"

    # the collectives as methods, each on lists as PyTorch has them

    def allreduce(self, tensors, opts=None):
        """`all_reduce` of one tensor (or a list of one), as Work."""
        from . import collectives

        tensor = tensors[0] if isinstance(tensors, (list, tuple)) else tensors
        op = getattr(opts, "reduceOp", opts)
        return collectives.all_reduce(tensor, collectives.ReduceOp.SUM if op is None else op, self, True)

    def broadcast(self, tensors, opts=None):
        """`broadcast` of one tensor (or a list of one) from the group's rank `opts` (or `opts.rootRank`), as Work."""
        from . import collectives

        tensor = tensors[0] if isinstance(tensors, (list, tuple)) else tensors
        return collectives.broadcast(tensor, group=self, async_op=True, group_src=getattr(opts, "rootRank", opts) or 0)

    def allgather(self, output_tensors, input_tensors, opts=None):
        """`all_gather` of lists of one, as Work."""
        from . import collectives

        return collectives.all_gather(output_tensors[0], input_tensors[0], self, True)

    def barrier(self, opts=None):
        """`barrier`, as Work."""
        from . import collectives

        return collectives.barrier(self, True)


class _World:
    """What this process knows of its groups."""

    def __init__(self):
        self.clear()

    def clear(self):
        """Nothing is known."""
        self.default: ProcessGroup | None = None
        self.groups: dict = {}  # name -> group
        self.transport = None
        self.made = 0


world = _World()


class _WorldMeta(type):
    @property
    def WORLD(cls):
        """The group of all ranks; None before `init_process_group`."""
        return world.default

    @WORLD.setter
    def WORLD(cls, value):
        world.default = value


class group(metaclass=_WorldMeta):
    """`group.WORLD` is the group of all ranks."""


class GroupMember(metaclass=_WorldMeta):
    """`GroupMember.WORLD`, and what `new_group` returns to ranks outside of the new group."""

    NON_GROUP_MEMBER = -100


_UNSET = "Default process group has not been initialized, please make sure to call init_process_group."


def is_available() -> bool:
    """Whether the package can be used: always."""
    return True


def is_initialized() -> bool:
    """Whether `init_process_group` was called, and not `destroy_process_group` since."""
    return world.default is not None


def is_torchelastic_launched() -> bool:
    """Whether the process was started by torchrun (`python -m lightwell.distributed.run`)."""
    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def outside(group) -> bool:
    """Whether this process is no member of the group."""
    return group is not None and (group == GroupMember.NON_GROUP_MEMBER if isinstance(group, int) else False)


def found(group) -> ProcessGroup:
    """The group, or the one of all ranks for None; ValueError before `init_process_group`."""
    if group is None:
        if world.default is None:
            raise ValueError(_UNSET)
        return world.default
    if not isinstance(group, ProcessGroup):
        raise TypeError(f"group must be a ProcessGroup or None, not {type(group).__name__}: {group!r}")
    return group


def init_process_group(
    backend: str | None = None, init_method: str | None = None, timeout: timedelta | None = None, world_size: int = -1, rank: int = -1,
    store: Store | None = None, group_name: str = "", pg_options=None, device_id=None, _ranks=None,
) -> None:  # fmt: skip
    """Join the group of all processes: every process calls it, and it returns when all have.

    Backends: 'gloo' (lightwell's own, over TCP; the default) and 'mpi' (through mpi4py; started by mpirun, which then gives rank and size).
    The processes find each other by `init_method`: 'env://' (default; MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE, as torchrun sets them),
    'tcp://host:port' of rank 0, 'file:///path'; or by a `store`, with `rank` and `world_size`.
    Raises ValueError the second time, or where rank or size is missing; RuntimeError for the backends that need GPUs ('nccl').

    >>> import lightwell as torch, lightwell.distributed as dist
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> x = torch.ones(2); dist.all_reduce(x); x, dist.get_world_size()
    (tensor([1., 1.]), 1)
    >>> dist.destroy_process_group()
    """
    if world.default is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if timeout is not None and not isinstance(timeout, timedelta):
        raise TypeError(f"Expected timeout argument to be of type datetime.timedelta, got {timeout!r}: write timedelta(seconds=...)")
    if store is not None and init_method is not None:
        raise AssertionError("Cannot specify both init_method and store.")
    timeout = timeout or default_pg_timeout
    asked = Backend("undefined" if backend is None else backend)
    kind = choose(backend)
    if kind == "mpi":
        from .mpi import MPIBackend

        made = MPIBackend(None, timeout.total_seconds())
        size, transport = made.size, None
    else:
        if store is None:
            store, rank, world_size = next(rendezvous(init_method or "env://", rank, world_size, timeout=timeout))
        elif rank < 0 or world_size < 1:
            raise AssertionError("rank and world_size must be given, rank at least 0 and world_size at least 1, where store is given")
        if not 0 <= rank < world_size:
            raise ValueError(f"init_process_group: rank {rank} is outside [0, {world_size - 1}] (world_size is {world_size})")
        store.set_timeout(timeout)
        store = PrefixStore("default_pg", store)
        from .transport import Transport

        transport = Transport(PrefixStore(f"gloo/{_generation()}", store), rank, world_size, timeout.total_seconds())
        size, made = world_size, GlooBackend(transport, "0", range(world_size), timeout.total_seconds())
    world.transport, world.made = transport, 1
    world.default = ProcessGroup(group_name or "0", range(size), made, asked, timeout, store, "default_pg")
    world.default.bound_device_id = device_id
    world.groups[world.default.group_name] = world.default
    _clean_at_exit()


_inits = 0


def _generation() -> int:
    """How often this process has begun: a store may serve several beginnings, each with keys of its own."""
    global _inits
    _inits += 1
    return _inits


_cleaning = False


def _clean_at_exit():
    """Say goodbye where the process ends, its own way or as a child of multiprocessing, which knows no atexit."""
    global _cleaning
    if not _cleaning:
        from multiprocessing import util

        atexit.register(_at_exit)
        util.Finalize(None, _at_exit, exitpriority=0)
        _cleaning = True


def _at_exit():
    transport, world.transport = world.transport, None
    if transport is not None:
        transport.close(on_purpose=False)


def _forget_after_fork():
    """A forked child (a data-loading worker) is no member: the links are its parent's."""
    global _cleaning
    world.clear()
    _cleaning = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Leave a group: all of them for None. AssertionError where there is none."""
    if outside(group):
        return
    if group is None:
        assert world.default is not None, "Process group cannot be None: init_process_group was not called"
        group = world.default
    if group is world.default:
        for member in list(world.groups.values()):
            member._close()
        backend, transport = world.default._backend, world.transport
        world.clear()
        if transport is not None:
            transport.close()
        elif hasattr(backend, "close"):
            backend.close()
        return
    if group.group_name not in world.groups:
        raise ValueError("Invalid process group specified or has been destroyed")
    group._close()
    del world.groups[group.group_name]


def get_rank(group: ProcessGroup | None = None) -> int:
    """This process's rank in the group (of all, for None); -1 outside of it."""
    return -1 if outside(group) else found(group).rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """How many ranks the group has; -1 outside of it."""
    return -1 if outside(group) else found(group).size()


def get_backend(group: ProcessGroup | None = None) -> Backend:
    """The backend's name, as it was asked for."""
    if outside(group):
        raise ValueError("Invalid process group specified")
    return found(group)._asked


def get_backend_config(group: ProcessGroup | None = None) -> str:
    """The backend for each device, as 'cpu:gloo,cuda:gloo'."""
    name = found(group).name()
    return f"cpu:{name},cuda:{name}"


def get_process_group_ranks(group: ProcessGroup | None) -> list:
    """The global ranks of the group's members, in order."""
    return list(found(group)._ranks)


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The rank in the group of a global rank; ValueError where it is no member."""
    group = found(group)
    if global_rank not in group._place:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return group._place[global_rank]


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The global rank of a rank in the group; ValueError where there is no such rank."""
    group = found(group)
    if not 0 <= group_rank < group.size():
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return group._ranks[group_rank]


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The rank among the processes of this machine (LOCAL_RANK); RuntimeError where it is not set and no fallback is given."""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError(
        "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow `get_node_local_rank` to work, or start the "
        "script with torchrun (python -m lightwell.distributed.run)"
    )


def get_pg_count() -> int:
    """How many groups this process is in."""
    return len(world.groups)


def new_group(
    ranks=None, timeout: timedelta | None = None, backend: str | None = None, pg_options=None, use_local_synchronization: bool = False,
    group_desc: str | None = None, device_id=None, sort_ranks: bool = True,
):  # fmt: skip
    """A group of some ranks (all for None). Every process of the default group calls it, in the same order, members or not.

    `GroupMember.NON_GROUP_MEMBER` is returned to those who are no members. ValueError for ranks that don't exist or come twice.
    """
    whole = found(None)
    size = whole.size()
    ranks = list(range(size)) if ranks is None else sorted(ranks) if sort_ranks else list(ranks)
    if len(ranks) > size:
        raise ValueError("the new group's world size should be less or equal to the world size set by init_process_group")
    if len(set(ranks)) != len(ranks):
        raise ValueError(f"new_group: a rank comes twice in {ranks}")
    if any(not 0 <= r < size for r in ranks):
        raise ValueError(
            f"The new group's rank should be within the world_size set by init_process_group: {ranks} is not within [0, {size - 1}]"
        )
    if use_local_synchronization:  # not all processes call it: the name must not depend on how many groups this one has made
        tried = 0
        while (name := f"{'_'.join(map(str, ranks))}:{tried}") in world.groups:
            tried += 1
    else:
        name = str(world.made)
        world.made += 1
    me, timeout = whole.rank(), timeout or whole._timeout
    kind = choose(backend or str(whole._asked))
    if kind != whole._backend.name:
        raise RuntimeError(f"new_group: backend {kind!r} in a world of backend {whole._backend.name!r}: groups share its connections")
    if kind == "mpi":
        made = whole._backend.subgroup(ranks, timeout.total_seconds())
        if made is None:
            return GroupMember.NON_GROUP_MEMBER
    elif me not in ranks:
        return GroupMember.NON_GROUP_MEMBER
    else:
        made = GlooBackend(world.transport, name, ranks, timeout.total_seconds())
    asked = whole._asked if backend is None else Backend(backend)
    store = None if whole._store is None else PrefixStore(f"group/{name}", whole._store)
    group = ProcessGroup(name, ranks, made, asked, timeout, store, group_desc)
    world.groups[name] = group
    return group


def new_subgroups_by_enumeration(ranks_per_subgroup_list, timeout=None, backend=None, pg_options=None, group_desc=None):
    """(the group this process is in or None, all groups) for lists of ranks, of which none may come twice."""
    if not ranks_per_subgroup_list:
        raise ValueError("The arg 'ranks_per_subgroup_list' cannot be empty")
    seen: set = set()
    for ranks in ranks_per_subgroup_list:
        for rank in ranks:
            if rank in seen:
                raise ValueError(f"Rank {rank} has appeared in more than one subgroup: {ranks_per_subgroup_list}")
            seen.add(rank)
    mine, groups = None, []
    for ranks in ranks_per_subgroup_list:
        made = new_group(ranks, timeout, backend, pg_options, group_desc=group_desc)
        groups.append(made)
        if get_rank() in ranks:
            mine = made
    return mine, groups


def new_subgroups(group_size=None, group=None, timeout=None, backend=None, pg_options=None, group_desc=None):
    """(the group this process is in, all groups): `group_size` consecutive ranks each (the number of this machine's processes for None)."""
    size = get_world_size(group)
    if group_size is None:
        group_size = int(os.environ.get("LOCAL_WORLD_SIZE", size))
    if group_size <= 0:
        raise ValueError(f"The arg 'group_size' ({group_size}) must be positive")
    if size < group_size:
        raise ValueError(f"The arg 'group_size' ({group_size}) must not exceed the world size ({size})")
    if size % group_size:
        raise ValueError(f"The world size ({size}) must be divisible by '{group_size=}'")
    ranks = get_process_group_ranks(group)
    return new_subgroups_by_enumeration(
        [ranks[i : i + group_size] for i in range(0, size, group_size)], timeout, backend, pg_options, group_desc
    )


def split_group(
    parent_pg: ProcessGroup | None = None, split_ranks: list | None = None, timeout: timedelta | None = None, pg_options=None,
    group_desc: str | None = None, backend=None,
):  # fmt: skip
    """The part of `parent_pg` this process is in, where `split_ranks` lists the parts by the parent's ranks; None if in no part."""
    if not split_ranks:
        raise ValueError("split_ranks cannot be None or empty")
    parent = get_process_group_ranks(parent_pg)
    groups = [[parent[i] for i in part] for part in split_ranks]
    mine, _ = new_subgroups_by_enumeration(groups, timeout, backend, pg_options, group_desc)
    return mine


def shrink_group(ranks_to_exclude: list, group: ProcessGroup | None = None, shrink_flags: int = 0, pg_options=None):
    """A group without some of its ranks, called by those that stay; the default group's shrunken one takes its place."""
    left = [r for i, r in enumerate(get_process_group_ranks(group)) if i not in set(ranks_to_exclude)]
    if get_rank() not in left:
        raise RuntimeError(f"shrink_group: rank {get_rank()} is among those excluded, {list(ranks_to_exclude)}: only the others call it")
    made = new_group(left, use_local_synchronization=True)
    if group is None or group is world.default:
        world.default = made
    return made
