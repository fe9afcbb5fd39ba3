#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A slave elsewhere that resolves (docs/slave-protocol.md section 8), out of a table of its own.

    resolver.py HOST PORT TOKEN [--map PREFIX IPV4]... [--say PREFIX IPV4]... [--flood COUNT] [--packet]

Answers what it is asked by the longest PREFIX of --map, in 6in4, and with a negative where there is none. --say: a
mapping that nobody has asked for, at once. --flood: so many mappings, 250 in a capsule (256 are the most). --packet: a packet of its own
making, as if it could bring one back. What happens is told line by line:
    assigned PREFIX
    asked ADDRESS reason N bytes N
    acknowledged SEQUENCE refused N REASON
"""
import ipaddress
import struct

from connect_ip import arguments, assigned, capsules, connect, read_varint, upgrade, varint

DATAGRAM, ADDRESS_ASSIGN, MAPPINGS, MAPPINGS_ACK = 0, 1, 0x2f763601, 0x2f763602
VERIFY = 3


def capsule(kind, value):
    return varint(kind) + varint(len(value)) + value


def prefix_bytes(network):
    return bytes([network.prefixlen]) + network.network_address.packed


def change(kind, network, rest):
    value = prefix_bytes(network) + rest
    return varint(kind)[-1:] + varint(len(value)) + value


def add(network, locator, soft=60000, hard=120000):
    end = ipaddress.IPv4Address(locator).packed + struct.pack("!HBBHH", 0, 0, 1, 0, 0)
    return change(1, network, struct.pack("!IIB", soft, hard, 1) + end)


def negative(network):
    return change(2, network, struct.pack("!IBB", 1000, 0, 0))


class Resolver:
    def __init__(self, stream, options):
        self.stream, self.sequence = stream, 0
        self.table = [(ipaddress.IPv6Network(prefix), locator) for prefix, locator in options.map]

    def say(self, changes):
        self.sequence += 1
        self.stream.sendall(capsule(MAPPINGS, varint(self.sequence) + b"".join(changes)))

    def answer(self, address):
        around = [entry for entry in self.table if address in entry[0]]
        if around:
            network, locator = max(around, key=lambda entry: entry[0].prefixlen)
            self.say([add(network, locator)])
        else:
            self.say([negative(ipaddress.IPv6Network((address, 128)))])

    def asked(self, payload):
        header, packet = payload[:16], payload[16:]
        assert header[0] == 1 and header[1] == 1, header
        if header[2] == VERIFY:
            inner = packet[4 * (packet[0] & 15) + (8 if packet[9] == 17 else 0):]
            address = ipaddress.IPv6Address(inner[8:24])
        else:
            address = ipaddress.IPv6Address(packet[24:40])
        print("asked %s reason %d bytes %d" % (address, header[2], len(packet)), flush=True)
        self.answer(address)

    def take(self, kind, value):
        if kind == ADDRESS_ASSIGN:
            print("assigned %s/%d" % assigned(value)[0], flush=True)
        elif kind == DATAGRAM:
            context, at = read_varint(value, 0)
            if context == 2:
                self.asked(value[at:])
        elif kind == MAPPINGS_ACK:
            self.acknowledged(value)

    def acknowledged(self, value):
        sequence, at = read_varint(value, 0)
        reasons = []
        while at < len(value):
            _, at = read_varint(value, at)
            size, at = read_varint(value, at)
            reasons.append(value[at:at + size].decode())
            at += size
        print("acknowledged %d refused %d %s" % (sequence, len(reasons), reasons[0] if reasons else "-"), flush=True)

    def run(self, data):
        while True:
            found, data = capsules(data)
            for kind, value in found:
                self.take(kind, value)
            part = self.stream.recv(65536)
            if not part:
                print("closed", flush=True)
                return
            data += part


def main():
    parser = arguments()
    parser.add_argument("--map", nargs=2, action="append", default=[])
    parser.add_argument("--say", nargs=2, action="append", default=[])
    parser.add_argument("--flood", type=int, default=0)
    parser.add_argument("--packet", action="store_true")
    options = parser.parse_args()
    stream = connect(options)
    rest = upgrade(stream, options)
    stream.settimeout(None)
    resolver = Resolver(stream, options)
    for prefix, locator in options.say:
        resolver.say([add(ipaddress.IPv6Network(prefix), locator)])
    for first in range(0, options.flood, 250):
        resolver.say([add(ipaddress.IPv6Network((0xfd77 << 112 | i << 64, 64)), options.map[0][1])
                      for i in range(first, min(first + 250, options.flood))])
    if options.packet:
        header = struct.pack("!BBBBHHII", 1, 18, 1, 0, 1, 0, 0, 0)
        stream.sendall(capsule(DATAGRAM, varint(2) + header + b"\x60" + bytes(59)))
    resolver.run(rest)


main()
