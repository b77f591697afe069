"""A step of the torture test: while it lives, it holds the lock of its step.

Whatever it leaves behind holds the lock too: the lock is on an open file that its children inherit.
So whoever is granted the lock knows that nothing of an earlier attempt lives.
"""

import fcntl
import os
import signal
import sys
import time

run, step, attempt = (os.environ[f"ROPEWALK_{name}"] for name in ("RUN_ID", "STEP", "ATTEMPT"))
place, kind, pause_ms = sys.argv[1], sys.argv[2], int(sys.argv[3])


def tell(file, *words):
    """One line, written at once: lines of many processes do not mix."""
    handle = os.open(os.path.join(place, file), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(handle, (" ".join([*words, run, step, attempt, str(os.getpid())]) + "\n").encode())
    os.close(handle)


lock = os.open(os.path.join(place, "locks", step), os.O_RDWR | os.O_CREAT, 0o600)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    tell("violations", "TWO")
    sys.exit(9)
tell("trace", "START")


def linger():
    """What is left behind: deaf to everything but SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(1000)
    os._exit(0)


def fork(work):
    if os.fork() == 0:
        work()


def in_session():
    os.setsid()
    linger()


def forked_twice():
    os.setsid()
    fork(linger)
    os._exit(0)


def without_cookie():
    os.setsid()
    os.chdir("/")
    os.set_inheritable(lock, True)
    os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)"], {})


if kind == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif kind == "closed":
    for handle in (0, 1, 2):
        os.close(handle)
elif kind == "child":
    fork(linger)
elif kind == "session":
    fork(in_session)
elif kind == "twice":
    fork(forked_twice)
elif kind == "bare":
    fork(without_cookie)

given = [open(value).read() for name, value in sorted(os.environ.items()) if name.startswith("INPUT_")]
time.sleep(pause_ms / 1000)
with open(os.environ["OUTPUT_DATA"], "w") as output:
    output.write(step + "\n" + "".join(given))
tell("trace", "END")
