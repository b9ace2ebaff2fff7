// What one thread has in hand while it runs a program's kernels.
#pragma once
#include "program.hpp"

namespace cambium::CAMBIUM_ISA {

struct Worker {
  int thread = 0, threads = 1;
  /// Where each value begins for this thread: its own copy of partial values; local values based so that samples are
  /// counted from the first of all.
  std::vector<char*> base;
  /// Scratch for registers of a kernel's body and of its finish, and for the kernel itself.
  char *body = nullptr, *finish = nullptr, *kernel = nullptr;
  /// Whether this is the first step of a loop.
  bool opening = false;
  /// Stores of partial values add to what is there.
  bool adding = false;
  /// The memory for partial values of each thread.
  char* const* partials = nullptr;

  template <class T>
  T* at(int value) const {
    return (T*)base[value];
  }
};

/// The part of a kernel's work that falls to a worker.
struct Share {
  /// In a stage split by samples: samples [from, to) of `samples`; `first` chunk of this thread. Otherwise samples is 0
  /// and the kernel itself finds its part `part` of `parts`.
  long samples = 0, from = 0, to = 0;
  bool first = true;
  int parts = 1;
  int phase = 0;
  int part = 0;
};

} // namespace cambium::CAMBIUM_ISA
