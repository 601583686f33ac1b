#include "proxy/detect/preamble.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::detect {
namespace {

using State = ClientStep::State;
const std::string kSsl("\0\0\0\x08\x04\xd2\x16\x2f", 8), kGss("\0\0\0\x08\x04\xd2\x16\x30", 8);
const std::string kStartup("\0\0\0\x21\0\x03\0\0user", 12), kCancel("\0\0\0\x10\x04\xd2\x16\x2e", 8);

TEST(Preamble, PostgresAsksForTls) {
  for (size_t size = 0; size < kSsl.size(); ++size)
    EXPECT_EQ(ReadClientPreamble(Preamble::kPostgres, kSsl.substr(0, size)).state, State::kNeedMore) << size;
  const ClientStep step = ReadClientPreamble(Preamble::kPostgres, kSsl + "\x16\x03\x01");
  EXPECT_EQ(step.state, State::kTls);
  EXPECT_EQ(step.size, kSsl.size());
  EXPECT_EQ(step.answer, "S");
  EXPECT_EQ(RequestOfTls(Preamble::kPostgres), kSsl);
}

TEST(Preamble, PostgresAsksForKerberosFirst) {
  const ClientStep step = ReadClientPreamble(Preamble::kPostgres, kGss);
  EXPECT_EQ(step.state, State::kAnswer);
  EXPECT_EQ(step.size, kGss.size());
  EXPECT_EQ(step.answer, "N");
}

TEST(Preamble, WhatIsNoneStaysWhatItIs) {
  EXPECT_EQ(ReadClientPreamble(Preamble::kPostgres, kStartup).state, State::kOther) << "no TLS wanted";
  EXPECT_EQ(ReadClientPreamble(Preamble::kPostgres, kCancel).state, State::kOther) << "a cancel request";
  EXPECT_EQ(ReadClientPreamble(Preamble::kPostgres, "\x16").state, State::kOther) << "TLS at once";
  EXPECT_EQ(ReadClientPreamble(Preamble::kNone, kSsl).state, State::kOther);
}

TEST(Preamble, TheServerAgreesOrDoesNot) {
  EXPECT_EQ(ReadServerAnswer(Preamble::kPostgres, 'S'), ServerAnswer::kAgreed);
  EXPECT_EQ(ReadServerAnswer(Preamble::kPostgres, 'N'), ServerAnswer::kRefused);
  EXPECT_EQ(ReadServerAnswer(Preamble::kPostgres, 'E'), ServerAnswer::kBroken);
}

}  // namespace
}  // namespace weft::detect
