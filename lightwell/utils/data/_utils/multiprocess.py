"""A pass over a DataLoader whose batches are fetched by worker processes, one two-way pipe for each."""

import os
import time
import warnings
from multiprocessing import connection

from lightwell.errors.teaching import RuntimeError
from lightwell.utils.data._utils import channel, start, worker
from lightwell.utils.data.dataloader import _BaseDataLoaderIter, _MakeFetcher

_PATIENCE = 5.0  # seconds a worker may take to finish its last batch before it is ended


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Tasks go round the workers in turn; batches come back in the order of their tasks, or as they are ready."""

    def __init__(self, loader):
        super().__init__(loader)
        self._pid = os.getpid()
        self._processes, self._pipes, self._open = [], [], False
        self._epoch = -1
        self._start(loader)
        self._begin(loader)

    def _start(self, loader):
        """Start the processes."""
        context, given = start.way_to_start(loader.multiprocessing_context, (_MakeFetcher(loader), loader.dataset, loader.worker_init_fn))
        forked = context.get_start_method() == "fork"
        self._open = True
        try:
            for i in range(loader.num_workers):
                mine, theirs = context.Pipe(duplex=True)
                self._pipes.append(mine)
                process = context.Process(
                    target=worker.worker_loop,
                    args=(theirs, list(self._pipes) if forked else [], given, self._base_seed, i, loader.num_workers),
                    daemon=True,
                )
                with warnings.catch_warnings():
                    # BLAS threads are idle and made anew in the child: the general warning about forking does not apply
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process.start()
                self._processes.append(process)
                theirs.close()
        except BaseException:
            self._shutdown_workers()
            raise

    def _reset(self, loader):
        """Begin another pass with the same workers."""
        if not self._open:
            raise RuntimeError("DataLoader: its workers were stopped by an earlier error; make a new loader")
        self._tasks = iter(loader._index_sampler)
        self._yielded, self._warned = 0, False
        self._begin(loader)

    def _begin(self, loader):
        """Forget the last pass and hand out the first tasks."""
        self._epoch += 1
        self._sent = self._next = 0
        self._owner = {}  # task number -> worker that has it
        self._ready = {}  # task number -> batch not yet asked for
        self._active = [True] * loader.num_workers
        self._turn = 0
        self._more = True
        for _ in range(loader.prefetch_factor * loader.num_workers):
            self._send_task()

    def _send_task(self):
        """Give the next task to the next worker that still has data."""
        if not self._more or not any(self._active):
            return
        try:
            index = next(self._tasks)
        except StopIteration:
            self._more = False
            return
        while not self._active[self._turn]:
            self._turn = (self._turn + 1) % len(self._active)
        who, self._turn = self._turn, (self._turn + 1) % len(self._active)
        try:
            self._pipes[who].send(((self._epoch, self._sent), index))
        except OSError:
            self._report_death(who)
        self._owner[self._sent] = who
        self._sent += 1

    def _next_data(self):
        while True:
            number = self._number_to_yield()
            if number is None:
                if not self._more or not any(self._active):
                    self._finish()
                    raise StopIteration
                self._send_task()
                continue
            if number in self._ready:
                return self._give(number)
            self._receive()

    def _number_to_yield(self):
        """The task whose batch comes next; None where no task is out."""
        for number in list(self._owner):
            if number not in self._ready and not self._active[self._owner[number]]:
                del self._owner[number]  # its worker's stream had ended before it came to this task
        if not self._owner:
            return None
        if not self._loader.in_order and self._ready:
            return next(iter(self._ready))
        return next(iter(self._owner))

    def _give(self, number):
        """Hand a batch out, or raise the error that came in its place."""
        data = self._ready.pop(number)
        del self._owner[number]
        self._send_task()
        if isinstance(data, worker.ExceptionWrapper):
            if not self._loader.persistent_workers:
                self._shutdown_workers()
            data.reraise()
        return data

    def _receive(self):
        """Wait for one or more messages and sort them in."""
        if not self._open:
            raise StopIteration
        timeout = self._loader.timeout or None
        doors = {p.sentinel: i for i, p in enumerate(self._processes)}
        ready = connection.wait([*self._pipes, *doors], timeout)
        if not ready:
            self._shutdown_workers(patience=0.1)
            raise RuntimeError(
                f"DataLoader timed out after {self._loader.timeout} seconds waiting for a batch from "
                f"{self._loader.num_workers} workers; is __getitem__ stuck, or timeout too short?"
            )
        took = False
        for pipe in ready:
            if pipe in doors:
                continue
            who, took = self._pipes.index(pipe), True
            try:
                (epoch, number), data = channel.receive(pipe)
            except (EOFError, OSError):
                self._report_death(who)
            if epoch != self._epoch:
                continue  # of a pass that was left early
            if isinstance(data, worker._Ended):
                self._active[who] = False
                self._owner.pop(number, None)
                self._send_task()
            else:
                self._ready[number] = data
        if not took:
            self._report_death(doors[ready[0]])

    def _report_death(self, who):
        """Raise for a worker that ended without being told to."""
        process = self._processes[who]
        process.join(1.0)
        code, pid = process.exitcode, process.pid
        self._shutdown_workers()
        if code is not None and code < 0:
            import signal

            names = {s.value: s.name for s in signal.Signals}
            how = f"killed by {names.get(-code, -code)}, exit code {code}"
            how += "; the system may have run out of memory" if -code == 9 else ""
        else:
            how = f"exit code {code}"
        raise RuntimeError(
            f"DataLoader worker (pid(s) {pid}) exited unexpectedly ({how}) in worker process {who}; "
            "run with num_workers=0 to see the error where it happens"
        )

    def _finish(self):
        """The end of a pass."""
        if not self._loader.persistent_workers:
            self._shutdown_workers()

    def _shutdown_workers(self, patience=_PATIENCE):
        """Tell all workers to stop, and end those that do not within so many seconds."""
        if not self._open or os.getpid() != self._pid:
            return
        self._open = False
        for pipe in self._pipes:
            try:
                pipe.send(None)
            except OSError:
                pass  # it is gone already
            pipe.close()
        limit = time.monotonic() + patience
        for process in self._processes:
            process.join(max(0.0, limit - time.monotonic()))
        for process in self._processes:
            if process.is_alive():
                process.terminate()
                process.join(1.0)
                if process.is_alive():
                    process.kill()
                    process.join()

    def __del__(self):
        try:
            self._shutdown_workers()
        except Exception:  # the interpreter is going down, and the daemons with it
            pass
