#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A master for one remote gateway, written from the RFCs (9484, 9297) and docs/slave-protocol.md without ov6's code.

What lies behind it is a TUN device of the namespace it runs in, so that the kernel there is the gateway's peer.
One line of JSON on stdout for each event; lines on stdin are orders:
  assign PREFIX   from now on the site has this prefix
  inject HEX      a DATAGRAM of context 0 with this packet
  close           the session ends
  mute            nothing is answered any more
"""
import argparse
import fcntl
import ipaddress
import json
import os
import select
import socket
import ssl
import struct
import time

DATAGRAM, ADDRESS_ASSIGN, ROUTE_ADVERTISEMENT = 0x00, 0x01, 0x03
STATUS, CALL, RETURN, PING = 0x2F763605, 0x2F763606, 0x2F763607, 0x2F763608
PACKET, SEGMENTS = 0, 4  # contexts
HEADER = 10  # bytes of a virtio_net_hdr


def varint(number):
    for power, bits in ((0, 6), (1, 14), (2, 30), (3, 62)):
        if number < 1 << bits:
            return (number | power << (8 * (1 << power) - 2)).to_bytes(1 << power, "big")
    raise ValueError(number)


def read_varint(data, at):
    """(number, where it ends), or None if it is not whole."""
    if at >= len(data):
        return None
    size = 1 << (data[at] >> 6)
    if at + size > len(data):
        return None
    return int.from_bytes(data[at : at + size], "big") & (1 << (8 * size - 2)) - 1, at + size


def capsule(kind, value):
    return varint(kind) + varint(len(value)) + value


def text(value):
    return varint(len(value)) + value


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def open_tun(name, segments):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x0001 | 0x1000 | 0x4000))  # TUN, NO_PI, VNET_HDR
    fcntl.ioctl(fd, 0x400454D0, 0x01 | 0x02 | 0x04 | 0x08 if segments else 0)  # CSUM, TSO4, TSO6, TSO_ECN
    return fd


class Session:
    def __init__(self, stream, options, tun):
        self.stream, self.options, self.tun = stream, options, tun
        self.data, self.out, self.open, self.mute = bytearray(), bytearray(), False, False
        self.last_ping, self.nonce = time.monotonic(), 0

    def feed(self, data):
        self.data += data
        if not self.open:
            self.read_head()
        while self.open and self.next_capsule():
            pass

    def read_head(self):
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.data[:end].decode("latin-1").split("\r\n")
        fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in head[1:]}
        tell("request", line=head[0], fields=fields, early=len(self.data) - end - 4)
        if self.options.token and fields.get("authorization") != "Bearer " + self.options.token:
            body = b"This token is not known here.\n"
            self.out += b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            return
        self.out += (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: connect-ip\r\nCapsule-Protocol: ?1\r\n\r\n"
        )
        self.data, self.open = bytearray(), True
        # A master that is too early: there is nothing yet that could be ended or configured anew.
        for number, method in enumerate((b"shutdown", b"reconfigure")):
            self.send(CALL, varint(number) + text(method))
        if not self.options.silent:
            self.assign()

    def assign(self):
        net = ipaddress.IPv6Network(self.options.prefix)
        self.send(ADDRESS_ASSIGN, varint(0) + b"\x06" + net.network_address.packed + bytes([net.prefixlen]))

    def config(self):
        return {
            "name": "stub",
            "kind": "gateway",
            "id": 7,
            "prefixes": [self.options.prefix],
            "mtu": self.options.mtu,
            "advertise": [{"prefix": self.options.prefix, "domain": "chord", "domain_prefix": self.options.domain}],
            "routed": [],
            "segments": self.options.segments,
            "remote": True,
        }

    def send(self, kind, value):
        self.out += capsule(kind, value)

    def next_capsule(self):
        kind = read_varint(self.data, 0)
        length = read_varint(self.data, kind[1]) if kind else None
        if length is None or length[1] + length[0] > len(self.data):
            return False
        value = bytes(self.data[length[1] : length[1] + length[0]])
        del self.data[: length[1] + length[0]]
        if not self.mute:
            self.take(kind[0], value)
        return True

    def take(self, kind, value):
        if kind == DATAGRAM:
            self.take_packet(value)
        elif kind == PING and value[0] == 0:
            self.send(PING, b"\x01" + value[1:])
        elif kind == CALL:
            number, at = read_varint(value, 0)
            length, at = read_varint(value, at)
            method = value[at : at + length].decode()
            tell("call", method=method)
            if method == "config":
                self.send(RETURN, varint(number) + varint(0) + json.dumps(self.config()).encode())
            else:
                self.send(RETURN, varint(number) + varint(12) + b"not known")
        elif kind == RETURN:
            number, at = read_varint(value, 0)
            tell("return", number=number, code=read_varint(value, at)[0])
        elif kind == ROUTE_ADVERTISEMENT:
            tell("routes", bytes=len(value))
        elif kind == STATUS:
            tell("status", status=json.loads(value))

    def take_packet(self, value):
        context, at = read_varint(value, 0)
        packet = value[at:] if context == SEGMENTS else bytes(HEADER) + value[at:]
        try:
            os.write(self.tun, packet)
        except OSError as error:
            tell("refused_by_kernel", why=str(error))

    def take_from_tun(self, packet):
        """As it came out of the kernel; dropped if the gateway does not read."""
        if not self.open or len(self.out) > 1 << 20:
            return
        unfinished = packet[0] & 1 or packet[1]
        context, payload = (SEGMENTS, packet) if unfinished else (PACKET, packet[HEADER:])
        self.send(DATAGRAM, varint(context) + payload)

    def tick(self):
        if self.open and not self.mute and time.monotonic() - self.last_ping >= 1:
            self.last_ping = time.monotonic()
            self.nonce += 1
            self.send(PING, b"\x00" + self.nonce.to_bytes(8, "big"))

    def order(self, words):
        if words[0] == "assign":
            self.options.prefix = words[1]
            self.assign()
        elif words[0] == "inject":
            self.send(DATAGRAM, varint(PACKET) + bytes.fromhex(words[1]))
        elif words[0] == "mute":
            self.mute = True

    def write(self):
        while self.out:
            try:
                sent = self.stream.send(self.out[:65536])
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del self.out[:sent]

    def read(self):
        """False: the session is over."""
        while True:
            try:
                data = self.stream.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return True
            except OSError:
                return False
            if not data:
                return False
            self.feed(data)


def serve(stream, options, tun):
    session = Session(stream, options, tun)
    poll = select.poll()
    while True:
        session.tick()
        session.write()
        poll.register(stream, select.POLLIN | (select.POLLOUT if session.out else 0))
        poll.register(tun, select.POLLIN)
        poll.register(0, select.POLLIN)
        ready = dict(poll.poll(200))
        if stream.fileno() in ready and not session.read():
            return
        if tun in ready:
            for _ in range(64):
                try:
                    session.take_from_tun(os.read(tun, 65536 + HEADER + 40))
                except BlockingIOError:
                    break
        if 0 in ready:
            for line in os.read(0, 4096).decode().splitlines():
                if line == "close":
                    return
                session.order(line.split())


def accept(listener, context):
    stream, _ = listener.accept()
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is not None:
        stream = context.wrap_socket(stream, server_side=True)
    stream.setblocking(False)
    return stream


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True, help="ADDRESS:PORT")
    parser.add_argument("--tun", default="stub")
    parser.add_argument("--prefix", default="fd00:1:1:1::/64")
    parser.add_argument("--domain", default="fd00::/8")
    parser.add_argument("--mtu", type=int, default=1480)
    parser.add_argument("--token")
    parser.add_argument("--tls", help="PEM file of certificate and key")
    parser.add_argument("--segments", action="store_true")
    parser.add_argument("--silent", action="store_true", help="a false 101: nothing behind it")
    options = parser.parse_args()
    tun = open_tun(options.tun, options.segments)
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls)
        context.set_alpn_protocols(["http/1.1"])
    address, port = options.listen.rsplit(":", 1)
    listener = socket.create_server((address, int(port)), reuse_port=True)
    tell("listening")
    while True:
        try:
            stream = accept(listener, context)
        except (OSError, ssl.SSLError) as error:
            tell("not_accepted", why=str(error))
            continue
        serve(stream, options, tun)
        stream.close()
        tell("closed")


main()
