// SPDX-License-Identifier: Apache-2.0
// Running ip(8) and friends.
#ifndef OV6_TESTS_PACKET_SHELL_H
#define OV6_TESTS_PACKET_SHELL_H

#include <string>

namespace ov6::packet {

// Aborts the test program with the command if it fails.
void Run(const std::string& command);
// True if it ends well; its output goes to /dev/null.
bool Succeeds(const std::string& command);
void WriteFile(const std::string& path, const std::string& text);

}  // namespace ov6::packet

#endif
