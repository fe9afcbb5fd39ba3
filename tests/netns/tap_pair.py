#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two TAP devices, and whatever is sent into one comes out of the other: tap_pair.py NAME NAME.

As a hypervisor's they carry super-frames and unfinished checksums, told by a virtio_net_hdr in front of each frame.
"""
import fcntl
import os
import select
import struct
import sys

TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
CSUM, TSO4, TSO6, TSO_ECN = 1, 2, 4, 8
HEADER = 10


def open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", HEADER))
    fcntl.ioctl(fd, TUNSETOFFLOAD, CSUM | TSO4 | TSO6 | TSO_ECN)
    return fd


def carry(source, target):
    while True:
        try:
            frame = os.read(source, HEADER + 65536)
        except BlockingIOError:
            return
        except OSError:
            return  # it is down
        try:
            os.write(target, frame)
        except OSError:
            pass  # dropped, as where nobody listens


def main():
    first, second = map(open_tap, sys.argv[1:3])
    poll = select.poll()
    for fd in (first, second):
        poll.register(fd, select.POLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            carry(fd, second if fd == first else first)


main()
