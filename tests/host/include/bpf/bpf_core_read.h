/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the kernel's sk_buff, which here is what the fake kernel says of its packet. */
#ifndef OV6_TESTS_HOST_BPF_CORE_READ_H
#define OV6_TESTS_HOST_BPF_CORE_READ_H

#define BPF_CORE_READ(skb, field) host_skb_##field(skb)
#define BPF_CORE_READ_BITFIELD_PROBED(skb, field) host_skb_##field(skb)

unsigned char* host_skb_head(const void* skb);
unsigned char* host_skb_data(const void* skb);
unsigned short host_skb_csum_start(const void* skb);
unsigned short host_skb_csum_offset(const void* skb);
unsigned char host_skb_ip_summed(const void* skb);

#endif
