// What happens to a tile of results before it leaves the cache.
#pragma once

namespace cambium {

/// A callback that takes over finished results while they are in L1: bias, activation, mask, optimizer step, ...
/// The output is seen as a matrix; the tile covers rows [row, row + rows) and columns [col, col + cols) of it.
template <class T>
struct Finish {
  /// `tile` holds the results with `stride` numbers from row to row; `second` is another tile of the same layout
  /// (the winner's index of a max pool) or null.
  void (*apply)(void* self, long row, long rows, long col, long cols, const T* tile, long stride,
                const T* second) = nullptr;
  void* self = nullptr;
};

} // namespace cambium
