#include "proxy/base/buffer.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <cstring>

namespace weft::base {
namespace {

TEST(BufferPool, ReusesBlocksAndCountsThem) {
  BufferPool pool;
  BufferRef first = pool.Take();
  char* place = first.data();
  EXPECT_EQ(first.capacity(), BufferPool::kRegular);
  EXPECT_GE(pool.bytes_in_use(), BufferPool::kRegular);
  first.Reset();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
  EXPECT_GT(pool.bytes_kept(), 0u);
  BufferRef second = pool.Take();
  EXPECT_EQ(second.data(), place);
}

TEST(BufferPool, TrimGivesBack) {
  BufferPool pool;
  {
    std::vector<BufferRef> blocks;
    for (int i = 0; i < 16; ++i) blocks.push_back(pool.Take());
  }
  const size_t kept = pool.bytes_kept();
  pool.Trim();
  EXPECT_LT(pool.bytes_kept(), kept);
  for (int i = 0; i < 10; ++i) pool.Trim();
  EXPECT_EQ(pool.bytes_kept(), 0u);
}

TEST(BufferPool, HugeBlocksAreNotKept) {
  BufferPool pool;
  pool.Take(BufferPool::kLarge + 1).Reset();
  EXPECT_EQ(pool.bytes_kept(), 0u);
}

TEST(ByteChain, AppendsConsumesAndKeepsBlocksAlive) {
  BufferRef block = BufferPool::ForThisThread().Take();
  std::memcpy(block.data(), "hello", 5);
  ByteChain chain;
  chain.Append(Slice{block, block.data(), 5});
  block.Reset();
  chain.AppendCopy(" big ");
  chain.Append(Slice{{}, "world", 5});
  EXPECT_EQ(chain.ToString(), "hello big world");
  chain.Consume(8);
  EXPECT_EQ(chain.ToString(), "g world");
  EXPECT_EQ(chain.size(), 7u);
  chain.Consume(7);
  EXPECT_TRUE(chain.empty());
}

TEST(ByteChain, FillsIovecsFromTheFront) {
  ByteChain chain;
  const std::string digits = "0123456789";
  for (size_t i = 0; i < 10; ++i) chain.Append(Slice{{}, &digits[i], 1});
  iovec pieces[4];
  ASSERT_EQ(chain.FillIovecs(pieces, 4), 4);
  EXPECT_EQ(*static_cast<char*>(pieces[3].iov_base), '3');
  chain.Consume(9);
  ASSERT_EQ(chain.FillIovecs(pieces, 4), 1);
  EXPECT_EQ(*static_cast<char*>(pieces[0].iov_base), '9');
}

TEST(ByteChain, CopiesLargerThanABlockStayInOrder) {
  std::string big(100'000, 'x');
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>('a' + i % 26);
  ByteChain chain;
  chain.AppendCopy(std::string_view(big).substr(0, 1000));
  chain.AppendCopy(std::string_view(big).substr(1000));
  EXPECT_EQ(chain.ToString(), big);
}

TEST(ByteChain, ManySlicesComeFromThePoolAndGoBackToIt) {
  const size_t before = BufferPool::ForThisThread().bytes_in_use();
  std::string expected;
  {
    ByteChain chain;
    for (int i = 0; i < 300; ++i) {
      chain.Append(Slice{{}, "ab", 2});
      expected += "ab";
    }
    EXPECT_GT(BufferPool::ForThisThread().bytes_in_use(), before);
    ByteChain moved = std::move(chain);
    moved.Consume(201);
    EXPECT_EQ(moved.ToString(), expected.substr(201));
  }
  EXPECT_EQ(BufferPool::ForThisThread().bytes_in_use(), before);
}

}  // namespace
}  // namespace weft::base
