"""Runs a command on a terminal of the given size and copies what it draws to standard output.

    terminal.py COLUMNS ROWS COMMAND ARGUMENT...
"""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

columns, rows = int(sys.argv[1]), int(sys.argv[2])
ours, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
process = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
os.close(theirs)
while True:
    try:
        drawn = os.read(ours, 65536)
    except OSError:
        # Nobody has the other end any more.
        break
    if not drawn:
        break
    sys.stdout.buffer.write(drawn)
sys.exit(process.wait())
