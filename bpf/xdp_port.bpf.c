// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A slave's port. Near end (in the router): what the slave sends enters the
 * datapath, and nothing of it the stack. Far end: punts enter the AF_XDP socket.
 */
#include "lib/doors.h"
#include "lib/port.h"

/* Takes the header off; what follows looks as if it came by a device of its kind. Returns 0 or the drop. */
static __always_inline __u32 port_pop(struct xdp_md *ctx, struct packet *p)
{
	struct ov6_device *device = device_with_role(hook_ifindex(ctx), OV6_DEVICE_PORT);
	struct port_frame frame;
	__u32 verdict;

	if (!config_enabled() || !device)
		return OV6_VERDICT_DROP_PORT_DISABLED;
	if (hook_load(ctx, 0, &frame, sizeof(frame)) || frame.ethernet.h_proto != bpf_htons(OV6_ETH_P_PORT))
		return OV6_VERDICT_DROP_PORT_HEADER;
	p->header = frame.header;
	verdict = port_check_header(&p->header, device->slot);
	if (verdict)
		return verdict;
	p->header.port = bpf_htons(device->slot);
	p->counted -= sizeof(frame.header);
	__builtin_memcpy(p->ethernet.h_dest, device->mac, ETH_ALEN);
	p->ethernet.h_proto = bpf_htons(frame.header.type == OV6_PORT_RESUBMIT_IN ? ETH_P_IP : ETH_P_IPV6);
	if (bpf_xdp_adjust_head(ctx, sizeof(frame.header)) ||
	    hook_store(ctx, 0, &p->ethernet, sizeof(p->ethernet)))
		return OV6_VERDICT_DROP_NO_ROOM;
	return 0;
}

SEC("xdp")
int xdp_port(struct xdp_md *ctx)
{
	struct door *door = door_open(ctx, ORIGIN_SLAVE);
	__u32 verdict;

	if (!door)
		return XDP_DROP;
	verdict = port_pop(ctx, &door->packet);
	if (verdict)
		return act_drop(ctx, &door->packet, verdict);
	port_decide(ctx, &door->packet, &door->decision);
	return ov6_act(ctx, &door->packet, &door->decision);
}

SEC("xdp")
int xdp_far(struct xdp_md *ctx)
{
	struct door *door = door_open(ctx, ORIGIN_SLAVE);
	struct port_frame frame;

	if (!door)
		return XDP_DROP;
	if (hook_load(ctx, 0, &frame, sizeof(frame)) || frame.ethernet.h_proto != bpf_htons(OV6_ETH_P_PORT) ||
	    frame.header.version != OV6_PORT_HEADER_VERSION ||
	    (frame.header.type != OV6_PORT_PUNT && frame.header.type != OV6_PORT_CARRY))
		return act_drop(ctx, &door->packet, OV6_VERDICT_DROP_PORT_HEADER);
	if (bpf_redirect_map(&port_sockets, bpf_ntohs(frame.header.port), XDP_DROP) != XDP_REDIRECT)
		return act_drop(ctx, &door->packet, OV6_VERDICT_DROP_PORT_SOCKET);
	return XDP_REDIRECT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
