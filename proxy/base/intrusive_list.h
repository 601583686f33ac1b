// A doubly linked list through its elements: linking allocates nothing, and an element takes itself out when it dies.
// One thread. The list does not own its elements; a list that dies leaves them unlinked.
#ifndef WEFT_PROXY_BASE_INTRUSIVE_LIST_H_
#define WEFT_PROXY_BASE_INTRUSIVE_LIST_H_

#include "proxy/base/check.h"

namespace weft::base {

class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { Unlink(); }

  bool linked() const { return next_ != nullptr; }
  void Unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

// T derives from ListNode (publicly, once).
template <class T>
class List {
 public:
  List() { head_.next_ = head_.prev_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (PopFront() != nullptr) {
    }
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  T* back() { return empty() ? nullptr : static_cast<T*>(head_.prev_); }
  T* Next(T* element) {
    ListNode* next = static_cast<ListNode*>(element)->next_;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }
  void PushBack(T* element) { Insert(element, head_.prev_, &head_); }
  void PushFront(T* element) { Insert(element, &head_, head_.next_); }
  T* PopFront() {
    T* element = front();
    if (element != nullptr) static_cast<ListNode*>(element)->Unlink();
    return element;
  }
  // Moves everything of `other` to the end of this list.
  void Splice(List& other) {
    while (T* element = other.PopFront()) PushBack(element);
  }

 private:
  void Insert(T* element, ListNode* before, ListNode* after) {
    ListNode* node = element;
    WEFT_CHECK(!node->linked());
    node->prev_ = before;
    node->next_ = after;
    before->next_ = node;
    after->prev_ = node;
  }
  ListNode head_;
};

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_INTRUSIVE_LIST_H_
