// ClientHellos of real clients (client_hellos/corpus.tsv): cut at every byte into two segments, and into two TLS
// records, each is read right and finds its filter chain; 100,000 broken ones crash nothing and never change their
// mind.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/snapshot.h"
#include "proxy/detect/classify.h"

namespace weft {
namespace {

using detect::Classify;
using detect::NameKind;
using detect::Protocol;
using detect::Verdict;

struct Sample {
  std::string file, name, kind, bytes;
  std::vector<std::string> protocols;
};

const std::filesystem::path& Folder() {
  static const std::filesystem::path folder = "tests/conformance/client_hellos";
  return folder;
}

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = [] {
    std::vector<Sample> read;
    std::ifstream table(Folder() / "corpus.tsv");
    for (std::string line; std::getline(table, line);) {
      const std::vector<std::string> fields = Split(line, '\t');
      if (line.starts_with('#') || fields.size() != 6) continue;
      Sample sample{fields[0], fields[1] == "-" ? "" : fields[1], fields[2], "", {}};
      if (fields[3] != "-") sample.protocols = Split(fields[3], ',');
      std::ifstream file(Folder() / sample.file, std::ios::binary);
      sample.bytes.assign(std::istreambuf_iterator<char>(file), {});
      EXPECT_EQ(std::to_string(sample.bytes.size()), fields[4]) << sample.file;
      read.push_back(std::move(sample));
    }
    return read;
  }();
  return samples;
}

// A listener as an operator writes one for these names.
class Router {
 public:
  Router() {
    Add("pay", {"pay.shop.test"});
    Add("shop", {"*.shop.test"});
    Add("front", {"front.test"});
    Add("local", {"localhost"});
    Add("nameless", {});
  }
  std::string ChainOf(const Verdict& verdict) const {
    config::ConnectionFacts facts;
    facts.destination = *base::Address::Parse("10.0.0.1:443");
    facts.source = *base::Address::Parse("10.0.0.2:40000");
    facts.tls = verdict.protocol == Protocol::kTls;
    facts.server_name = verdict.hello.server_name;
    facts.may_be_hidden = detect::MayBeHidden(verdict.hello.name_kind);
    facts.application_protocols.assign(verdict.hello.protocols.begin(), verdict.hello.protocols.end());
    const config::FilterChain* chain = listener_.Match(facts);
    return chain == nullptr ? "none" : chain->name;
  }

 private:
  void Add(std::string name, std::vector<std::string> server_names) {
    auto chain = std::make_shared<config::FilterChain>();
    chain->name = std::move(name);
    chain->match.transport_protocol = "tls";
    chain->match.server_names = std::move(server_names);
    listener_.chains.push_back(std::move(chain));
  }
  config::Listener listener_;
};

std::string ExpectedChain(const Sample& sample) {
  if (sample.name == "pay.shop.test") return "pay";
  if (sample.name == "front.test") return "front";
  return sample.name == "localhost" ? "local" : "nameless";
}

void ExpectRead(const Sample& sample, const Verdict& verdict, const std::string& how) {
  ASSERT_EQ(verdict.protocol, Protocol::kTls) << sample.file << how;
  ASSERT_EQ(verdict.hello.server_name, sample.name) << sample.file << how;
  ASSERT_EQ(verdict.hello.protocols, sample.protocols) << sample.file << how;
  ASSERT_EQ(detect::Name(verdict.hello.name_kind), sample.kind) << sample.file << how;
  static const Router router;
  ASSERT_EQ(router.ChainOf(verdict), ExpectedChain(sample)) << sample.file << how;
}

// The handshake message, whatever records it came in.
std::string Message(const std::string& bytes) {
  std::string message;
  for (size_t at = 0; at + 5 <= bytes.size();) {
    const size_t length = static_cast<uint8_t>(bytes[at + 3]) * 256u + static_cast<uint8_t>(bytes[at + 4]);
    message += bytes.substr(at + 5, length);
    at += 5 + length;
  }
  return message;
}
std::string Record(const std::string& fragment) {
  return std::string("\x16\x03\x01") + static_cast<char>(fragment.size() >> 8) +
         static_cast<char>(fragment.size() & 0xff) + fragment;
}

TEST(ClientHellos, AreMany) {
  EXPECT_GE(Samples().size(), 20u);
  const auto longer_than_one_mtu = [](const Sample& sample) { return sample.bytes.size() > 1460; };
  EXPECT_GE(std::count_if(Samples().begin(), Samples().end(), longer_than_one_mtu), 4) << "post-quantum shares";
  for (const char* kind : {"none", "plain", "outer", "hidden"}) {
    EXPECT_TRUE(std::any_of(Samples().begin(), Samples().end(), [&](const Sample& s) { return s.kind == kind; }))
        << kind;
  }
}

TEST(ClientHellos, InTwoSegmentsCutAnywhere) {
  for (const Sample& sample : Samples()) {
    for (size_t cut = 0; cut < sample.bytes.size(); ++cut) {
      const std::string_view first = std::string_view(sample.bytes).substr(0, cut);
      ASSERT_EQ(Classify(first).protocol, Protocol::kNeedMore) << sample.file << " cut at " << cut;
    }
    ExpectRead(sample, Classify(sample.bytes), "");
    ExpectRead(sample, Classify(sample.bytes + "early data"), " and more");
  }
}

TEST(ClientHellos, InTwoRecordsCutAnywhere) {
  for (const Sample& sample : Samples()) {
    const std::string message = Message(sample.bytes);
    for (size_t cut = 1; cut < message.size(); ++cut) {
      const std::string both = Record(message.substr(0, cut)) + Record(message.substr(cut));
      ExpectRead(sample, Classify(both), " as records cut at " + std::to_string(cut));
      // The first record alone, and all but the last byte, in segments of their own.
      ASSERT_EQ(Classify(std::string_view(both).substr(0, 5 + cut)).protocol, Protocol::kNeedMore);
      ASSERT_EQ(Classify(std::string_view(both).substr(0, both.size() - 1)).protocol, Protocol::kNeedMore);
    }
  }
}

TEST(ClientHellos, InRecordsOfOneByteEach) {
  for (const Sample& sample : Samples()) {
    std::string bytes;
    for (const char c : Message(sample.bytes)) bytes += Record(std::string(1, c));
    ExpectRead(sample, Classify(bytes), " byte by byte");
  }
}

// One broken at random: bytes changed, cut out, doubled, lengths moved, two mixed.
std::string Mutated(std::mt19937& random) {
  const auto& samples = Samples();
  std::string bytes = samples[random() % samples.size()].bytes;
  for (int change = 1 + static_cast<int>(random() % 4); change > 0 && bytes.size() > 8; --change) {
    const size_t at = random() % bytes.size(), size = random() % 64;
    switch (random() % 5) {
      case 0: bytes[at] = static_cast<char>(random()); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] + (random() % 2 == 0 ? 1 : -1)); break;
      case 2: bytes.erase(at, size); break;
      case 3: bytes.insert(at, bytes.substr(random() % bytes.size(), size)); break;
      case 4: {
        const std::string& other = samples[random() % samples.size()].bytes;
        bytes = bytes.substr(0, at) + other.substr(random() % other.size());
        break;
      }
    }
  }
  return bytes;
}

TEST(ClientHellos, AHundredThousandBrokenOnes) {
  std::mt19937 random(20261125);
  size_t tls = 0, opaque = 0, unfinished = 0;
  for (int round = 0; round < 100000; ++round) {
    const std::string bytes = Mutated(random);
    const Verdict whole = Classify(bytes);
    const size_t cut = random() % (bytes.size() + 1);
    const Verdict first = Classify(std::string_view(bytes).substr(0, cut));
    if (first.protocol != Protocol::kNeedMore) {
      ASSERT_EQ(whole.protocol, first.protocol) << "round " << round << " cut at " << cut;
      ASSERT_EQ(whole.hello.server_name, first.hello.server_name) << "round " << round;
    }
    if (whole.protocol != Protocol::kTls) ASSERT_EQ(whole.hello.server_name, "");
    if (whole.hello.name_kind == NameKind::kPlain) ASSERT_NE(whole.hello.server_name, "");
    ASSERT_LE(whole.hello.server_name.size(), 255u);
    tls += whole.protocol == Protocol::kTls;
    opaque += whole.protocol == Protocol::kOpaque;
    unfinished += whole.protocol == Protocol::kNeedMore;
  }
  RecordProperty("tls", static_cast<int>(tls));
  // The mutations reach every outcome: neither all are refused at the first byte nor do all pass.
  EXPECT_GT(tls, 10000u);
  EXPECT_GT(opaque, 10000u);
  EXPECT_GT(unfinished, 1000u);
}

}  // namespace
}  // namespace weft
