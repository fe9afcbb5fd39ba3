#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that mean no good, kept open and opened again when they are closed.

    http_flood.py HOST --ports PLAIN TLS --from ADDRESS ADDRESS... --most COUNT --rate PER_SECOND

Of each of these as many as of any other, from all the addresses in turn, until SIGTERM, then one line of sums:
  idle      to both ports, says nothing
  head      to the plain port, a head whose lines never end, a byte at a time
  hello     to the TLS port, half a ClientHello, then a byte at a time
  garbage   to both ports, random bytes
  shake     to the TLS port, a whole ClientHello, whose answer it does not read on
  stranger  to the plain port, a request with a token that nobody has
  opener    to the plain port, one that opens a session by long polls with such a token
  guesser   to the plain port, a long poll's request of a session that nobody has
"""
import argparse
import os
import selectors
import signal
import socket
import ssl
import struct
import time

REQUEST = (b"GET /.well-known/masque/ip/*/*/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: connect-ip\r\n"
           b"Authorization: Bearer ov6-token-" + b"0" * 64 + b"\r\n\r\n")
OPENER = (b"POST /.well-known/masque/ip/*/*/?poll=open&kind=gateway&name=works HTTP/1.1\r\nHost: x\r\nOv6-Version: 1\r\n"
          b"Authorization: Bearer ov6-token-" + b"0" * 64 + b"\r\nContent-Length: 0\r\n\r\n")
GUESSER = (b"GET /.well-known/masque/ip/*/*/?poll=down&sequence=1 HTTP/1.1\r\nHost: x\r\nOv6-Version: 1\r\n"
           b"Ov6-Session: " + b"0" * 32 + b"\r\n\r\n")
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)


def hello():
    """A whole one: the master has to sign its answer."""
    context = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="10.9.0.1")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


# kind: index of the port, what it says at first, what it says every half second
KINDS = [("idle", 0, b"", b""), ("idle", 1, b"", b""), ("head", 0, b"GET / HTTP/1.1\r\nX: ", b"x"),
         ("hello", 1, HELLO, b"\0"), ("garbage", 0, None, b""), ("garbage", 1, None, b""),
         ("shake", 1, hello(), b""), ("stranger", 0, REQUEST, b""), ("opener", 0, OPENER, b""),
         ("guesser", 0, GUESSER, b"")]
DRIP = 0.5  # s


class Flood:
    def __init__(self, options):
        self.options, self.selector, self.opened, self.closed, self.most = options, selectors.DefaultSelector(), 0, 0, 0
        self.live, self.number, self.running = {}, 0, True

    def open(self):
        kind, port, first, drip = KINDS[self.number % len(KINDS)]
        source = self.options.sources[self.number // len(KINDS) % len(self.options.sources)]
        self.number += 1
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        # A port may serve many times, and a reset leaves none in TIME_WAIT.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        s.bind((source, 0))
        s.connect_ex((self.options.host, self.options.ports[port]))
        self.live[s] = [os.urandom(200) if first is None else first, drip, time.monotonic() + DRIP]
        self.selector.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self.opened += 1
        self.most = max(self.most, len(self.live))

    def end(self, s):
        self.selector.unregister(s)
        s.close()
        del self.live[s]
        self.closed += 1

    def serve(self, s, events):
        try:
            if events & selectors.EVENT_WRITE:
                if self.live[s][0]:
                    s.send(self.live[s][0])
                self.selector.modify(s, selectors.EVENT_READ)
            if events & selectors.EVENT_READ and not s.recv(4096):
                self.end(s)
        except BlockingIOError:
            pass
        except OSError:
            self.end(s)

    def drip(self, now):
        for s, state in list(self.live.items()):
            if state[1] and state[2] <= now:
                state[2] = now + DRIP
                try:
                    s.send(state[1])
                except BlockingIOError:
                    pass
                except OSError:
                    self.end(s)

    def run(self):
        begin = dripped = time.monotonic()
        while self.running:
            now = time.monotonic()
            due = int((now - begin) * self.options.rate) - self.opened
            for _ in range(min(due, 200, self.options.most - len(self.live))):
                self.open()
            if now - dripped >= 0.1:
                dripped = now
                self.drip(now)
            for key, events in self.selector.select(0.01):
                if key.fileobj in self.live:
                    self.serve(key.fileobj, events)
        print("opened %d closed %d at once %d" % (self.opened, self.closed, self.most), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("--ports", nargs=2, type=int)
    parser.add_argument("--from", dest="sources", nargs="+")
    parser.add_argument("--most", type=int)
    parser.add_argument("--rate", type=int)
    flood = Flood(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: setattr(flood, "running", False))
    flood.run()


main()
