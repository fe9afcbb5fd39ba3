// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/row.h"

namespace ov6::packet {

std::vector<Row> AllRows() {
  std::vector<Row> rows;
  for (const auto* part : {&SiteRows(), &UnderlayRows(), &Icmp4Rows(), &PortRows()})
    rows.insert(rows.end(), part->begin(), part->end());
  return rows;
}

}  // namespace ov6::packet
