"""The driver's text: how threads share a program's steps, in LLVM's language, and the products that kernels may ask BLAS for.

`run` goes down the table of steps {function, args, flags}; `call` hands a table to the helpers and takes part; `serve` is a helper's
life; `lw_barrier` is where all wait for one another. What threads share lies in one block of memory, the yard:

    0 barrier: how many have come     64 barrier: which round it is     128 helpers still at work
    192 job: table, steps, threads, times                               224 functions of the system: yield, clock, sleep, wake
    256 gate: who joins a job         320 number of the job begun       384 whether to go home; helpers wanted; parts of the work
    512 + 256·i, for helper i: how often it was called; whether it sleeps; its handle for sleep and wake (64: a semaphore)
"""

import platform
import time

# Flags of a step: all wait before it; one thread only, thread number flags >> 8; all threads must be there, since they meet inside.
BARRIER, ALONE, TOGETHER = 1, 2, 4
_WATCH = 4000  # looks for the next job, each of some tenths of a microsecond, before a helper sleeps

_DRIVER = """
@sgemm = internal global ptr null
@dgemm = internal global ptr null

define internal void @lw_barrier(ptr %yard, i64 %nt) #0 {
entry:
  %one = icmp sle i64 %nt, 1
  br i1 %one, label %done, label %come
come:
  %round = getelementptr i8, ptr %yard, i64 64
  %mine = load atomic i64, ptr %round monotonic, align 8
  %before = atomicrmw add ptr %yard, i64 1 acq_rel
  %now = add i64 %before, 1
  %last = icmp eq i64 %now, %nt
  br i1 %last, label %open, label %wait
open:
  store atomic i64 0, ptr %yard monotonic, align 8
  %next = add i64 %mine, 1
  store atomic i64 %next, ptr %round release, align 8
  br label %done
wait:
  call void @change(ptr %round, i64 %mine, ptr %yard, i64 -1)
  br label %done
done:
  ret void
}

; Watch *place until it is no longer `old`, at most `looks` times (-1: for ever) after the first hundred; the value seen last.
define internal i64 @change(ptr %place, i64 %old, ptr %yard, i64 %looks) #1 {
entry:
  br label %watch
watch:
  %i = phi i64 [ 0, %entry ], [ %i1, %rest ]
  %seen = load atomic i64, ptr %place acquire, align 8
  %same = icmp eq i64 %seen, %old
  br i1 %same, label %more, label %done
more:
  %i1 = add i64 %i, 1
  %quick = icmp ult i64 %i, 100
  PAUSE
  br i1 %quick, label %rest, label %slow
slow:
  %yieldp = getelementptr i8, ptr %yard, i64 224
  %yield = load ptr, ptr %yieldp, align 8
  %r = call i32 %yield()
  %spent = sub i64 %i1, 100
  %enough = icmp eq i64 %spent, %looks
  br i1 %enough, label %done, label %rest
rest:
  br label %watch
done:
  ret i64 %seen
}

define internal i64 @now(ptr %yard) #1 {
entry:
  %t = alloca [2 x i64], align 8
  store i64 0, ptr %t, align 8
  %t1 = getelementptr i8, ptr %t, i64 8
  store i64 0, ptr %t1, align 8
  %clockp = getelementptr i8, ptr %yard, i64 232
  %clock = load ptr, ptr %clockp, align 8
  %r = call i32 %clock(i32 CLOCK, ptr %t)
  %s = load i64, ptr %t, align 8
  %ns = load i64, ptr %t1, align 8
  %sns = mul i64 %s, 1000000000
  %sum = add i64 %sns, %ns
  ret i64 %sum
}

; Go down the table as thread %tid of %nt that are here. Its work is divided into %parts whoever is here: so sums don't depend on it.
define internal void @run(ptr %table, i64 %n, i64 %tid, i64 %nt, i64 %parts, ptr %yard, ptr %times) #0 {
entry:
  %timed = icmp ne ptr %times, null
  %first = icmp eq i64 %tid, 0
  %keeps = and i1 %timed, %first
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %step, label %end
step:
  %at = mul i64 %i, 24
  %fp = getelementptr i8, ptr %table, i64 %at
  %f = load ptr, ptr %fp, align 8
  %ap = getelementptr i8, ptr %fp, i64 8
  %a = load ptr, ptr %ap, align 8
  %gp = getelementptr i8, ptr %fp, i64 16
  %g = load i64, ptr %gp, align 8
  %g1 = and i64 %g, 1
  %waits = icmp ne i64 %g1, 0
  %stops = or i1 %waits, %timed
  br i1 %stops, label %stop, label %go
stop:
  call void @lw_barrier(ptr %yard, i64 %nt)
  br label %go
go:
  br i1 %keeps, label %begin, label %who
begin:
  %t0 = call i64 @now(ptr %yard)
  br label %who
who:
  %since = phi i64 [ 0, %go ], [ %t0, %begin ]
  %g2 = and i64 %g, 2
  %all = icmp eq i64 %g2, 0
  br i1 %all, label %together, label %alone
together:
  %part = phi i64 [ %tid, %who ], [ %part1, %together ]
  call void %f(ptr %a, i64 %part, i64 %parts, ptr %yard)
  %part1 = add i64 %part, %nt
  %again = icmp slt i64 %part1, %parts
  br i1 %again, label %together, label %after
alone:
  %g8 = lshr i64 %g, 8
  %owner = urem i64 %g8, %nt
  %mine = icmp eq i64 %owner, %tid
  br i1 %mine, label %single, label %after
single:
  call void %f(ptr %a, i64 0, i64 1, ptr %yard)
  br label %after
after:
  br i1 %timed, label %meet, label %next
meet:
  call void @lw_barrier(ptr %yard, i64 %nt)
  br i1 %first, label %note, label %next
note:
  %t1 = call i64 @now(ptr %yard)
  %took = sub i64 %t1, %since
  %place = getelementptr i64, ptr %times, i64 %i
  store i64 %took, ptr %place, align 8
  br label %next
next:
  %i1 = add i64 %i, 1
  br label %head
end:
  ret void
}

; Run a table with the helpers that come in time: who joins is counted in the gate, then it is closed, and those begin.
; The gate: number of the job << 16, whether it is open << 15, how many have joined.
define internal void @call(ptr %job) #0 {
entry:
  %yard = load ptr, ptr %job, align 8
  %p1 = getelementptr i8, ptr %job, i64 8
  %table = load ptr, ptr %p1, align 8
  %p2 = getelementptr i8, ptr %job, i64 16
  %n = load i64, ptr %p2, align 8
  %p3 = getelementptr i8, ptr %job, i64 24
  %most = load i64, ptr %p3, align 8
  %p4 = getelementptr i8, ptr %job, i64 32
  %times = load ptr, ptr %p4, align 8
  %p5 = getelementptr i8, ptr %job, i64 40
  %patience = load i64, ptr %p5, align 8
  %p6 = getelementptr i8, ptr %job, i64 48
  %parts = load i64, ptr %p6, align 8
  %one = icmp sle i64 %most, 1
  br i1 %one, label %alone, label %share
alone:
  call void @run(ptr %table, i64 %n, i64 0, i64 1, i64 %parts, ptr %yard, ptr %times)
  ret void
share:
  %t0 = call i64 @now(ptr %yard)
  %helpers = sub i64 %most, 1
  %j0 = getelementptr i8, ptr %yard, i64 192
  store ptr %table, ptr %j0, align 8
  %j1 = getelementptr i8, ptr %yard, i64 200
  store i64 %n, ptr %j1, align 8
  %j3 = getelementptr i8, ptr %yard, i64 216
  store ptr %times, ptr %j3, align 8
  %wantp = getelementptr i8, ptr %yard, i64 392
  store i64 %helpers, ptr %wantp, align 8
  %partsp = getelementptr i8, ptr %yard, i64 400
  store i64 %parts, ptr %partsp, align 8
  %gatep = getelementptr i8, ptr %yard, i64 256
  %gate0 = load atomic i64, ptr %gatep monotonic, align 8
  %number0 = lshr i64 %gate0, 16
  %number = add i64 %number0, 1
  %shifted = shl i64 %number, 16
  %gate1 = or i64 %shifted, 32768
  store atomic i64 %gate1, ptr %gatep seq_cst, align 8
  br label %head
head:
  %w = phi i64 [ 0, %share ], [ %w1, %told ]
  %more = icmp slt i64 %w, %helpers
  br i1 %more, label %tell, label %gather
tell:
  %at = mul i64 %w, 256
  %off = add i64 %at, 512
  %box = getelementptr i8, ptr %yard, i64 %off
  %old = load atomic i64, ptr %box monotonic, align 8
  %new = add i64 %old, 1
  store atomic i64 %new, ptr %box seq_cst, align 8
  %flag = getelementptr i8, ptr %box, i64 8
  %slept = atomicrmw xchg ptr %flag, i64 0 seq_cst
  %asleep = icmp ne i64 %slept, 0
  br i1 %asleep, label %wake, label %told
wake:
  %wakep = getelementptr i8, ptr %yard, i64 248
  %wakef = load ptr, ptr %wakep, align 8
  %hp = getelementptr i8, ptr %box, i64 16
  %handle = load ptr, ptr %hp, align 8
  %r = call i32 %wakef(ptr %handle)
  br label %told
told:
  %w1 = add i64 %w, 1
  br label %head
gather:
  %i = phi i64 [ 0, %head ], [ %i1, %tick ]
  %seen = load atomic i64, ptr %gatep acquire, align 8
  %come = and i64 %seen, 32767
  %full = icmp eq i64 %come, %helpers
  br i1 %full, label %close, label %rest
rest:
  PAUSE
  %i1 = add i64 %i, 1
  %low = and i64 %i1, 31
  %look = icmp eq i64 %low, 0
  br i1 %look, label %late, label %tick
late:
  %t = call i64 @now(ptr %yard)
  %waited = sub i64 %t, %t0
  %enough = icmp ugt i64 %waited, %patience
  br i1 %enough, label %close, label %tick
tick:
  br label %gather
close:
  %gate2 = atomicrmw and ptr %gatep, i64 -32769 seq_cst
  %joined = and i64 %gate2, 32767
  %nt = add i64 %joined, 1
  %pending = getelementptr i8, ptr %yard, i64 128
  store atomic i64 %joined, ptr %pending monotonic, align 8
  %j2 = getelementptr i8, ptr %yard, i64 208
  store i64 %nt, ptr %j2, align 8
  %gop = getelementptr i8, ptr %yard, i64 320
  store atomic i64 %number, ptr %gop release, align 8
  call void @run(ptr %table, i64 %n, i64 0, i64 %nt, i64 %parts, ptr %yard, ptr %times)
  br label %join
join:
  %left = load atomic i64, ptr %pending acquire, align 8
  %none = icmp eq i64 %left, 0
  br i1 %none, label %done, label %watch
watch:
  call i64 @change(ptr %pending, i64 %left, ptr %yard, i64 -1)
  br label %join
done:
  %forever = icmp slt i64 %patience, 0
  br i1 %forever, label %end, label %learn
learn:
  ; Next time wait for a quarter of what a call takes, smoothed, but no less than 10 µs and no more than 1 ms.
  %t9 = call i64 @now(ptr %yard)
  %took = sub i64 %t9, %t0
  %quarter = ashr i64 %took, 2
  %before3 = mul i64 %patience, 3
  %both = add i64 %before3, %quarter
  %mean = ashr i64 %both, 2
  %least = call i64 @llvm.smax.i64(i64 %mean, i64 10000)
  %next = call i64 @llvm.smin.i64(i64 %least, i64 1000000)
  store i64 %next, ptr %p5, align 8
  br label %end
end:
  ret void
}

; The life of helper w: returns when all are told to go home.
define internal void @serve(ptr %yard, i64 %w) #0 {
entry:
  %at = mul i64 %w, 256
  %off = add i64 %at, 512
  %box = getelementptr i8, ptr %yard, i64 %off
  %flag = getelementptr i8, ptr %box, i64 8
  %hp = getelementptr i8, ptr %box, i64 16
  %j0 = getelementptr i8, ptr %yard, i64 192
  %j1 = getelementptr i8, ptr %yard, i64 200
  %j2 = getelementptr i8, ptr %yard, i64 208
  %j3 = getelementptr i8, ptr %yard, i64 216
  %pending = getelementptr i8, ptr %yard, i64 128
  %gatep = getelementptr i8, ptr %yard, i64 256
  %gop = getelementptr i8, ptr %yard, i64 320
  %quitp = getelementptr i8, ptr %yard, i64 384
  %wantp = getelementptr i8, ptr %yard, i64 392
  br label %watch
watch:
  %last = phi i64 [ 0, %entry ], [ %last, %asleep ], [ %last, %undo ], [ %seen, %job ], [ %seen, %gate ]
  %seen = call i64 @change(ptr %box, i64 %last, ptr %yard, i64 WATCH)
  %same = icmp eq i64 %seen, %last
  br i1 %same, label %tired, label %look
tired:
  %was = atomicrmw xchg ptr %flag, i64 1 seq_cst
  %again = load atomic i64, ptr %box seq_cst, align 8
  %still = icmp eq i64 %again, %last
  br i1 %still, label %asleep, label %undo
undo:
  %mark = atomicrmw xchg ptr %flag, i64 0 seq_cst
  %kept = icmp ne i64 %mark, 0
  br i1 %kept, label %watch, label %asleep
asleep:
  %sleepp = getelementptr i8, ptr %yard, i64 240
  %sleep = load ptr, ptr %sleepp, align 8
  %handle = load ptr, ptr %hp, align 8
  %r = call i32 %sleep(ptr %handle)
  %interrupted = icmp ne i32 %r, 0
  br i1 %interrupted, label %asleep, label %watch
look:
  %quit = load atomic i64, ptr %quitp acquire, align 8
  %ends = icmp ne i64 %quit, 0
  br i1 %ends, label %end, label %gate
gate:
  ; Too late, or enough have come: this job is not for us.
  %g = load atomic i64, ptr %gatep acquire, align 8
  %want = load i64, ptr %wantp, align 8
  %joined = and i64 %g, 32767
  %open = and i64 %g, 32768
  %isopen = icmp ne i64 %open, 0
  %room = icmp slt i64 %joined, %want
  %may = and i1 %isopen, %room
  br i1 %may, label %enter, label %watch
enter:
  %g1 = add i64 %g, 1
  %pair = cmpxchg ptr %gatep, i64 %g, i64 %g1 acq_rel acquire
  %in = extractvalue { i64, i1 } %pair, 1
  br i1 %in, label %wait, label %look
wait:
  %number = lshr i64 %g, 16
  %go = load atomic i64, ptr %gop acquire, align 8
  %begun = icmp eq i64 %go, %number
  br i1 %begun, label %job, label %stand
stand:
  call i64 @change(ptr %gop, i64 %go, ptr %yard, i64 -1)
  br label %wait
job:
  %tid = add i64 %joined, 1
  %table = load ptr, ptr %j0, align 8
  %n = load i64, ptr %j1, align 8
  %nt = load i64, ptr %j2, align 8
  %times = load ptr, ptr %j3, align 8
  %partsp = getelementptr i8, ptr %yard, i64 400
  %parts = load i64, ptr %partsp, align 8
  call void @run(ptr %table, i64 %n, i64 %tid, i64 %nt, i64 %parts, ptr %yard, ptr %times)
  %x = atomicrmw sub ptr %pending, i64 1 release
  br label %watch
end:
  ret void
}
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
"""

# cblas_sgemm and cblas_dgemm of a BLAS whose integers have a type of their own; 101: row-major, 111 and 112: as it is, transposed.
_PRODUCT = """
define internal void @lw_Xgemm(i64 %ta, i64 %tb, i64 %m, i64 %n, i64 %k, REAL %alpha, ptr %a, i64 %lda, ptr %b, i64 %ldb,
    REAL %beta, ptr %c, i64 %ldc) #0 {
  %f = load ptr, ptr @Xgemm, align 8
  %sa = add i64 %ta, 111
  %sb = add i64 %tb, 111
  %oa = trunc i64 %sa to i32
  %ob = trunc i64 %sb to i32
CUT
  call void %f(i32 101, i32 %oa, i32 %ob, INT %im, INT %in, INT %ik, REAL %alpha, ptr %a, INT %ilda, ptr %b, INT %ildb, REAL %beta,
    ptr %c, INT %ildc)
  ret void
}
"""

# The module's only outer function: it takes the addresses of sgemm and dgemm and tells those of the driver's functions.
_DOOR = """
define void @kernel(ptr %args, i64 %tid, i64 %nt, ptr %sync) #0 {
  %s = load ptr, ptr %args, align 8
  store ptr %s, ptr @sgemm, align 8
  %p = getelementptr i8, ptr %args, i64 8
  %d = load ptr, ptr %p, align 8
  store ptr %d, ptr @dgemm, align 8
TELL
  ret void
}
attributes #0 = { nounwind }
attributes #1 = { nounwind noinline }
"""
TOLD = ("lw_barrier", "run", "call", "serve", "lw_sgemm", "lw_dgemm")


def text(integer: str) -> str:
    """The driver's module, for a BLAS whose integers are `i32` or `i64`."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        pause, known = "call void @llvm.x86.sse2.pause()", "declare void @llvm.x86.sse2.pause()\n"
    elif machine in ("arm64", "aarch64"):
        pause, known = "call void @llvm.aarch64.hint(i32 1)", "declare void @llvm.aarch64.hint(i32)\n"
    else:
        pause, known = "fence seq_cst", ""
    whole = known + _DRIVER.replace("PAUSE", pause)
    whole = whole.replace("CLOCK", str(getattr(time, "CLOCK_MONOTONIC", 1))).replace("WATCH", str(_WATCH))
    for letter, real in (("s", "float"), ("d", "double")):
        how = "trunc i64 %{0} to i32" if integer == "i32" else "add i64 %{0}, 0"
        cut = "\n".join(f"  %i{name} = " + how.format(name) for name in ("m", "n", "k", "lda", "ldb", "ldc"))
        whole += _PRODUCT.replace("Xgemm", letter + "gemm").replace("REAL", real).replace("INT", integer).replace("CUT", cut)
    tell = []
    for i, name in enumerate(TOLD):
        tell += [f"  %q{i} = getelementptr i8, ptr %args, i64 {16 + 8 * i}", f"  store ptr @{name}, ptr %q{i}, align 8"]
    return whole + _DOOR.replace("TELL", "\n".join(tell))
