#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A slave by RFC 9484 and RFC 9297 alone, over HTTP/1.1: nothing of ov6 is used here.

    connect_ip.py HOST PORT TOKEN [--ca FILE] [--ping ADDRESS COUNT] [--call METHOD ARGUMENT] [--poll NAME]

Asks for the Upgrade (with --poll: opens a session by long polls, docs/slave-protocol.md section 9), takes the
first prefix that is assigned, is a host at PREFIX::7 that answers echo requests, and sends its own if told to.
--call is ov6's own (docs/slave-protocol.md section 3): it asks the master and ends. What happens is told line
by line:
    assigned PREFIX
    reply from ADDRESS seq N time MS
    refused STATUS SENTENCE
    returned CODE RESULT
"""
import argparse
import http.client
import ipaddress
import os
import queue
import socket
import ssl
import struct
import sys
import threading
import time


def varint(number):
    for bits, mark in ((6, 0), (14, 1), (30, 2), (62, 3)):
        if number < 1 << bits:
            size = (bits + 2) // 8
            return (number | mark << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(number)


def read_varint(data, at):
    size = 1 << (data[at] >> 6)
    if at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at:at + size], "big") & ((1 << (8 * size - 2)) - 1), at + size


def capsules(data):
    """The whole capsules at the front of `data`, and what is left."""
    found, at = [], 0
    try:
        while at < len(data):
            kind, next_at = read_varint(data, at)
            size, next_at = read_varint(data, next_at)
            if next_at + size > len(data):
                break
            found.append((kind, bytes(data[next_at:next_at + size])))
            at = next_at + size
    except IndexError:
        pass
    return found, data[at:]


def assigned(value):
    at, prefixes = 0, []
    while at < len(value):
        _, at = read_varint(value, at)
        size = 4 if value[at] == 4 else 16
        prefixes.append((ipaddress.ip_address(value[at + 1:at + 1 + size]), value[at + 1 + size]))
        at += size + 2
    return prefixes


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def echo(kind, source, destination, ident, sequence, payload):
    body = struct.pack("!BBHHH", kind, 0, 0, ident, sequence) + payload
    pseudo = source.packed + destination.packed + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 64) + source.packed + destination.packed + body


def connect(options):
    plain = socket.create_connection((options.host, options.port), timeout=5)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not options.ca:
        return plain
    context = ssl.create_default_context(cafile=options.ca)
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(plain, server_hostname=options.host)


def upgrade(stream, options):
    stream.sendall((
        "GET https://%s/.well-known/masque/ip/*/*/ HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
        "Upgrade: connect-ip\r\nCapsule-Protocol: ?1\r\nAuthorization: Bearer %s\r\n\r\n"
        % (options.host, options.host, options.token)).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        part = stream.recv(4096)
        if not part:
            raise EOFError("the master closed before its answer")
        head += part
    head, rest = head.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}
    if not lines[0].startswith("HTTP/1.1 101 "):
        while len(rest) < int(fields.get("content-length", 1 << 20)):
            part = stream.recv(4096)
            if not part:
                break
            rest += part
        print("refused", lines[0].split(" ", 2)[1], rest.decode().strip(), flush=True)
        sys.exit(1)
    assert fields["upgrade"] == "connect-ip" and fields["connection"].lower() == "upgrade", fields
    return rest


CALL, RETURN = 0x2f763606, 0x2f763607


def call(stream, data, method, argument):
    value = varint(1) + varint(len(method)) + method.encode() + argument.encode()
    stream.sendall(varint(CALL) + varint(len(value)) + value)
    while True:
        found, data = capsules(data)
        for kind, value in found:
            if kind == RETURN:
                _, at = read_varint(value, 0)
                code, at = read_varint(value, at)
                print("returned", code, value[at:].decode(), flush=True)
                return
        part = stream.recv(65536)
        if not part:
            raise EOFError("the master closed before it answered")
        data += part


class Polls:
    """A stream of bytes by requests: one thread fetches, whoever sends waits until it has been brought."""
    PATH = "/.well-known/masque/ip/*/*/?poll="

    def __init__(self, options):
        self.options, self.brought, self.come = options, 0, queue.Queue()
        self.fields = {"Ov6-Version": "1", "Authorization": "Bearer " + options.token}
        status, fields, body = self.ask(self.connection(), "POST", "open&kind=gateway&name=" + options.poll)
        if status != 200:
            print("refused", status, body.decode().strip(), flush=True)
            sys.exit(1)
        self.fields["Ov6-Session"] = fields["Ov6-Session"]
        self.up = self.connection()
        threading.Thread(target=self.fetch, daemon=True).start()

    def connection(self):
        if not self.options.ca:
            return http.client.HTTPConnection(self.options.host, self.options.port, timeout=15)
        context = ssl.create_default_context(cafile=self.options.ca)
        return http.client.HTTPSConnection(self.options.host, self.options.port, timeout=15, context=context)

    def ask(self, connection, method, what, body=None):
        """Until there is an answer of the master's: under one number it may be asked as often as it takes."""
        while True:
            try:
                connection.request(method, self.PATH + what, body=body, headers=self.fields)
                answer = connection.getresponse()
                body_of = answer.read()
                if answer.status < 500:
                    return answer.status, answer.headers, body_of
            except (OSError, http.client.HTTPException):
                pass
            connection.close()
            time.sleep(0.1)

    def fetch(self):
        down, number = self.connection(), 0
        while True:
            number += 1
            status, fields, body = self.ask(down, "GET", "down&sequence=%d" % number)
            if status != 200:
                return self.come.put(b"")
            assert fields["Ov6-Sequence"] == str(number), fields
            if body:
                self.come.put(body)

    def sendall(self, data):
        self.brought += 1
        self.ask(self.up, "POST", "up&sequence=%d" % self.brought, data)

    def settimeout(self, seconds):
        self.timeout = seconds

    def recv(self, _):
        try:
            return self.come.get(timeout=self.timeout)
        except queue.Empty:
            raise socket.timeout from None


class Host:
    def __init__(self, stream, options):
        self.stream, self.options, self.address, self.sent = stream, options, None, {}

    def send(self, packet):
        self.stream.sendall(varint(0) + varint(1 + len(packet)) + varint(0) + packet)

    def ping(self, sequence):
        self.sent[sequence] = time.monotonic()
        self.send(echo(128, self.address, ipaddress.ip_address(self.options.ping[0]), os.getpid() & 0xffff,
                       sequence, b"x" * 56))

    def take(self, kind, value):
        if kind == 1:
            address, length = assigned(value)[0]
            self.address = address + 7
            print("assigned %s/%d" % (address, length), flush=True)
        elif kind == 0:
            context, at = read_varint(value, 0)
            if context == 0:
                self.packet(value[at:])

    def packet(self, packet):
        if packet[0] >> 4 != 6 or packet[6] != 58 or len(packet) < 48:
            return
        source, destination = ipaddress.ip_address(packet[8:24]), ipaddress.ip_address(packet[24:40])
        ident, sequence = struct.unpack("!HH", packet[44:48])
        if packet[40] == 128 and destination == self.address:
            self.send(echo(129, destination, source, ident, sequence, packet[48:]))
        elif packet[40] == 129 and sequence in self.sent:
            print("reply from %s seq %d time %.2f" % (source, sequence,
                  1000 * (time.monotonic() - self.sent.pop(sequence))), flush=True)
        elif packet[40] < 128:
            print("error type %d code %d from %s" % (packet[40], packet[41], source), flush=True)

    def run(self, data):
        begin, number = None, 0
        while True:
            found, data = capsules(data)
            for kind, value in found:
                self.take(kind, value)
            if self.options.ping and self.address:
                begin = begin or time.monotonic()
                count = int(self.options.ping[1])
                if number < count and time.monotonic() >= begin + 0.2 * number:
                    number += 1
                    self.ping(number)
            self.stream.settimeout(0.05)
            try:
                part = self.stream.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                continue
            if not part:
                print("closed", flush=True)
                return
            data += part


def arguments():
    """A parser of what connect() and upgrade() need to know."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("token")
    parser.add_argument("--ca")
    return parser


def main():
    parser = arguments()
    parser.add_argument("--ping", nargs=2)
    parser.add_argument("--call", nargs=2)
    parser.add_argument("--poll", metavar="NAME")
    options = parser.parse_args()
    if options.poll:
        return Host(Polls(options), options).run(b"")
    stream = connect(options)
    rest = upgrade(stream, options)
    if options.call:
        return call(stream, rest, *options.call)
    Host(stream, options).run(rest)


if __name__ == "__main__":
    main()
