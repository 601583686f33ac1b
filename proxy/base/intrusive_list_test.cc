#include "proxy/base/intrusive_list.h"

#include <gtest/gtest.h>

#include <memory>

namespace weft::base {
namespace {

struct Item : ListNode {
  explicit Item(int n) : number(n) {}
  int number;
};

TEST(IntrusiveList, KeepsOrderAndTakesOutWhatDies) {
  List<Item> list;
  Item one(1), three(3);
  auto two = std::make_unique<Item>(2);
  list.PushBack(two.get());
  list.PushBack(&three);
  list.PushFront(&one);
  two.reset();
  EXPECT_EQ(list.PopFront()->number, 1);
  EXPECT_EQ(list.front(), list.back());
  EXPECT_EQ(list.PopFront()->number, 3);
  EXPECT_EQ(list.PopFront(), nullptr);
  EXPECT_FALSE(one.linked());
}

TEST(IntrusiveList, SpliceMovesEverything) {
  List<Item> a, b;
  Item one(1), two(2), three(3);
  a.PushBack(&one);
  b.PushBack(&two);
  b.PushBack(&three);
  a.Splice(b);
  EXPECT_TRUE(b.empty());
  EXPECT_EQ(a.Next(a.Next(a.front()))->number, 3);
}

TEST(IntrusiveList, ElementsOutliveTheList) {
  Item one(1);
  {
    List<Item> list;
    list.PushBack(&one);
  }
  EXPECT_FALSE(one.linked());
}

}  // namespace
}  // namespace weft::base
