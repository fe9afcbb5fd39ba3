# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench shows: the figures that are wanted, held against what was measured; tables and plots."""
import json
import statistics

import plot

OURS, LIMIT, KERNEL, VXLAN = "#1f6feb", "#d1242f", "#57606a", "#8250df"
MANY = 100000
MIB = 1 << 20


def over(ours, other):
    return [ours, other], lambda a, b: a / b


def gain(ours, other):
    """What a second queue gives, against what it gives the other."""
    return [f"queues/{ours}-2", f"queues/{ours}-1", f"queues/{other}-2", f"queues/{other}-1"], lambda a, b, c, d: a / b / (c / d)


def alone(name):
    return [name], lambda a: a


def more(ours, other):
    return [ours, other], lambda a, b: a - b


# kind, what, (samples, of one round's values), wanted, the more the better, format
WANTED = [
    ("must", "encapsulation / constant-header program", over("rate/encap", "rate/encap-limit"), 0.90, True, "{:.2f}"),
    ("must", "decapsulation / constant-header program", over("rate/decap", "rate/decap-limit"), 0.90, True, "{:.2f}"),
    ("must", "encapsulation in UDP / constant-header program", over("rate/encap-udp", "rate/encap-udp-limit"), 0.90, True, "{:.2f}"),
    ("must", "decapsulation from UDP / constant-header program", over("rate/decap-udp", "rate/decap-udp-limit"), 0.90, True, "{:.2f}"),
    ("must", "encapsulation / plain forwarding", over("rate/encap", "rate/plain"), 1.5, True, "{:.2f}"),
    ("must", "decapsulation / plain forwarding", over("rate/decap", "rate/plain"), 1.5, True, "{:.2f}"),
    ("must", "to 100,000 sites by Zipf / to 16", over(f"sites/encap-zipf-{MANY}", "sites/encap-zipf-16"), 0.85, True, "{:.2f}"),
    ("must", "from 100,000 sites by Zipf / from 16", over(f"sites/decap-zipf-{MANY}", "sites/decap-zipf-16"), 0.85, True, "{:.2f}"),
    ("must", "TCP by the TC doors / plain forwarding", over("tcp/ov6", "tcp/plain"), 0.85, True, "{:.2f}"),
    ("must", "TCP by the TC doors / VXLAN", over("tcp/ov6", "tcp/vxlan"), 1.0, True, "{:.3f}"),
    ("must", "a second queue, encapsulation / constant-header program", gain("encap", "encap-limit"), 0.9, True, "{:.2f}"),
    ("must", "a second queue, decapsulation / constant-header program", gain("decap", "decap-limit"), 0.9, True, "{:.2f}"),
    ("shown", "constant headers and a line read for each of 100,000 sites by Zipf / of 16", over(f"sites/line-zipf-{MANY}", "sites/line-zipf-16"), None, True, "{:.2f}"),
    ("shown", "to 100,000 sites by Zipf / that program", over(f"sites/encap-zipf-{MANY}", f"sites/line-zipf-{MANY}"), None, True, "{:.2f}"),
    ("goal", "to 100,000 sites, all alike / to 16", over(f"sites/encap-uniform-{MANY}", "sites/encap-uniform-16"), 0.60, True, "{:.2f}"),
    ("goal", "from 100,000 sites, all alike / from 16", over(f"sites/decap-uniform-{MANY}", "sites/decap-uniform-16"), 0.60, True, "{:.2f}"),
    ("goal", "to 1,000,000 sites by Zipf / to 16", over("sites/encap-zipf-1000000", "sites/encap-zipf-16"), 0.80, True, "{:.2f}"),
    ("goal", "hot encapsulation by test-run, ns", alone("cost/encap-hit"), 65, False, "{:.0f}"),
    ("goal", "part lost at half rate while mappings are written", alone("writes/lost"), 0.0001, False, "{:.6f}"),
    ("goal", "mappings written a second meanwhile", alone("writes/writes"), 100000, True, "{:.0f}"),
    ("goal", "kernel memory of 100,000 mappings, MiB", ([("memory/kernel-of-mappings")], lambda a: a / MIB), 64, False, "{:.1f}"),
    ("goal", "ov6d with them, MiB", ([("memory/daemon")], lambda a: a / MIB), 128, False, "{:.1f}"),
    ("goal", "round trip on top of plain forwarding, TC doors, p50, µs", more("latency-tc/tc-ov6-p50", "latency-tc/tc-plain-p50"), 7, False, "{:.1f}"),
    ("goal", "round trip on top of plain forwarding, XDP doors, p50, µs", more("latency-native/native-ov6-p50", "latency-native/native-plain-p50"), 7, False, "{:.1f}"),
    ("goal", "first packet in a ring of 16 on top of the second and of two lookups' round trips, ms", alone("first-packet/on-top"), 1, False, "{:.2f}"),
    ("shown", "first packet in a ring of 16 on top of the second, ms", alone("first-packet/more-than-second"), None, False, "{:.2f}"),
    ("shown", "cold misses a second, as the budget of DHT messages has it", alone("misses/rate"), None, True, "{:.0f}"),
    ("shown", "CPU time of a cold miss, ov6d, µs", alone("misses/cpu-ov6d"), None, False, "{:.0f}"),
    ("shown", "CPU time of a cold miss, slave, µs", alone("misses/cpu-slave"), None, False, "{:.0f}"),
    ("shown", "CPU time of a cold miss, the other 15 routers together, µs", alone("misses/cpu-others"), None, False, "{:.0f}"),
    ("shown", "TCP with an end on each CPU / plain forwarding", over("tcp/ov6-two-cpus", "tcp/plain-two-cpus"), None, True, "{:.2f}"),
    ("shown", "TCP with an end on each CPU / VXLAN", over("tcp/ov6-two-cpus", "tcp/vxlan-two-cpus"), None, True, "{:.2f}"),
    ("shown", "round trip on top of plain forwarding, TC doors, p99, µs", more("latency-tc/tc-ov6-p99", "latency-tc/tc-plain-p99"), None, False, "{:.1f}"),
    ("shown", "round trip on top of plain forwarding, XDP doors, p99, µs", more("latency-native/native-ov6-p99", "latency-native/native-plain-p99"), None, False, "{:.1f}"),
    ("shown", "encapsulation / VXLAN, small packets", over("rate/encap", "rate/vxlan"), None, True, "{:.2f}"),
]


def figures(values):
    return statistics.median(values), min(values), max(values)


def held(data):
    """For every wanted figure that was measured: kind, what, median, least, most, wanted, verdict, each as text."""
    rows = []
    for kind, what, (names, of_round), wanted, up, form in WANTED:
        if not all(name in data["samples"] for name in names):
            rows.append((kind, what, "-", "-", "-", "-" if wanted is None else f"{wanted:g}", "not measured"))
            continue
        median, least, most = figures([of_round(*values) for values in zip(*(data["samples"][name]["values"] for name in names))])
        if wanted is None:
            verdict, bound = "", ""
        else:
            verdict = "met" if (median >= wanted if up else median <= wanted) else "missed"
            bound = ("≥ " if up else "≤ ") + f"{wanted:g}"
        rows.append((kind, what, *(form.format(v) for v in (median, least, most)), bound, verdict))
    return rows


def shown(value, unit):
    if unit == "pps":
        return f"{value / 1e6:.3f} Mpps"
    if unit == "bit/s":
        return f"{value / 1e9:.2f} Gbit/s"
    if unit == "bytes":
        return f"{value / MIB:.1f} MiB"
    return f"{value:.5g} {unit}"


def measured(data):
    """Everything as it was measured: name, median, least, most as text. Lists (quantiles) are for the plots."""
    return [(name, *(shown(v, one["unit"]) for v in figures(one["values"])))
            for name, one in data["samples"].items() if not isinstance(one["values"][0], list)]


def missing(data, benchmarks):
    """Names of samples that a figure needs and a benchmark that was run did not give."""
    ran = set(benchmarks) - set(data["skipped"])
    return sorted({name for _, _, (names, _), *_ in WANTED for name in names
                   if name.split("/")[0] in ran and name not in data["samples"]})


HEAD = ("", "figure", "median", "least", "most", "wanted", "")
HEAD_MEASURED = ("measured", "median", "least", "most")


def columns(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def text(data):
    lines = [columns([HEAD_MEASURED, *measured(data)]), "", columns([HEAD, *held(data)])]
    if all(one["rfc8219"] for one in data["profiles"].values()):
        lines.append("\nBy the procedures of RFC 8219 on a software testbed; least and most of 20 are the percentiles it wants. "
                     "Where it is left: tests/bench/datapath/rfc8219.")
    else:
        lines.append("\nNot conformant to RFC 8219: short trials, few of them, and loss allowed.")
    if data["skipped"]:
        lines.append("Skipped on this machine: " + ", ".join(data["skipped"]))
    return "\n".join(lines)


def markdown(rows):
    first, *rest = rows
    return "\n".join(["| " + " | ".join(first) + " |", "|---" * len(first) + "|", *("| " + " | ".join(row) + " |" for row in rest)])


def rate_plot(data):
    figure = plot.Plot("Packets of 64 bytes on one CPU, against sites in the map-cache", "Mpps", x_title="sites")
    for way, law, colour in (("encap", "zipf", OURS), ("encap", "uniform", LIMIT), ("decap", "uniform", VXLAN)):
        found = {int(name.rsplit("-", 1)[1]): figures(one["values"])[0] / 1e6 for name, one in data["samples"].items()
                 if name.startswith(f"sites/{way}-{law}-")}
        if found:
            figure.line(f"{way}, {law}", colour, found.items())
    if "rate/plain" in data["samples"] and figure.series:
        value = figures(data["samples"]["rate/plain"]["values"])[0] / 1e6
        figure.line("plain (16)", KERNEL, [(x, value) for x, _ in figure.series[0][2]], True)
    return figure.svg() if figure.series else None


def latency_plot(data):
    figure = plot.Plot("Round trips of a small datagram, part of them that took less", "per cent", x_title="µs", x_log=False, top=100)
    ways = [("latency-tc/tc-plain", "plain", KERNEL), ("latency-tc/tc-ov6", "ov6, TC", OURS),
            ("latency-native/native-ov6", "ov6, XDP", LIMIT), ("latency-tc/tc-vxlan", "VXLAN", VXLAN)]
    for name, label, colour in ways:
        if f"{name}-quantiles" in data["samples"]:
            rounds = data["samples"][f"{name}-quantiles"]["values"]
            figure.line(label, colour, [(statistics.median(values), percent) for percent, values in enumerate(zip(*rounds)) if percent < 99])
    return figure.svg() if figure.series else None


COSTS = [("empty", "empty program"), ("encap-limit", "constant header, out"), ("encap-hit", "out, 16 sites"), ("encap-cold", "out, 100,000 sites"),
         ("decap-limit", "constant header, in"), ("decap-hit", "in, 16 sites"), ("decap-cold", "in, 100,000 sites"), ("too-big", "answer: too big"),
         ("no-mapping", "drop: no mapping, budget spent"), ("forged", "drop: forged source, budget spent"), ("no-relay", "drop: would leave again")]


def cost_plot(data):
    rows = []
    for name, label in COSTS:
        if f"cost/{name}" in data["samples"]:
            median, least, most = figures(data["samples"][f"cost/{name}"]["values"])
            rows.append((label, median, least, most, f"{median:.0f} ns"))
    return plot.bars("Nanoseconds a packet of the XDP doors, by test-run", rows, OURS) if rows else None


def plots(data, folder):
    """Writes what was measured; returns the names."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"rate": rate_plot(data), "latency": latency_plot(data), "cost": cost_plot(data)}
    for name, svg in drawn.items():
        if svg:
            (folder / f"{name}.svg").write_text(svg)
    return [name for name, svg in drawn.items() if svg]


def beside(rows, other):
    """With the medians of another machine's run, if there are any."""
    if not other.exists():
        return rows
    data = json.loads(other.read_text())
    medians = [data["machine"]["cpu"], *(row[2] for row in held(data))]
    return [(*row, median) for row, median in zip(rows, medians)]


def document(data, page):
    folder = page.with_suffix("")
    plots(data, folder)
    samples = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in data["samples"].items())
    rest = json.dumps({key: value for key, value in data.items() if key != "samples"})
    (folder / "figures.json").write_text(rest[:-1] + ', "samples": {\n' + samples + "\n}}\n")
    m = data["machine"]
    counts = [one["rounds"] for one in data["profiles"].values()] or [0]
    rounds = str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    plot.between_marks(page, f"{m['cpu']}, {m['cpus']} CPUs, kernel {m['kernel']}; {rounds} rounds.", "machine")
    plot.between_marks(page, markdown(beside([HEAD, *held(data)], folder / "other.json")))
    plot.between_marks(page, markdown([HEAD_MEASURED, *measured(data)]), "measured")
