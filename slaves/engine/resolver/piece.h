// SPDX-License-Identifier: Apache-2.0
// What is known of a piece of the address space: every record in it or around it. It
// answers for each address of the piece, and says where else that answer holds.
#ifndef OV6_SLAVES_ENGINE_RESOLVER_PIECE_H
#define OV6_SLAVES_ENGINE_RESOLVER_PIECE_H

#include <optional>
#include <vector>

#include "userspace/wire/record.h"

namespace ov6 {

struct PieceAnswer {
  std::vector<Record> records;  // empty: nothing is registered there
  Prefix covering;
};

// Found: the longest record around the address first, then every other in the piece, longer ones first; the
// answer holds in its prefix, or in the piece if that is less, together with the others. Absent: in the
// widest part of the piece around the address that touches no record.
PieceAnswer AnswerFor(const Prefix& piece, const std::vector<Record>& records, const Ipv6& address);

}  // namespace ov6

#endif
