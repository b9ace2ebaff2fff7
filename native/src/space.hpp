// An index space with axes merged where no view can tell, seen as rows of numbers.
#pragma once
#include "program.hpp"

namespace cambium::CAMBIUM_ISA {

/// Offset and strides of anything that depends on the position: a view, an index, a counter.
struct Access {
  long offset = 0;
  Dims strides; ///< one an axis while a space is being merged; then one a row axis
  long row = 0, col = 0; ///< strides of the innermost row axis and of the columns
  int value = -1;
};

/// A space of `rows` rows of `cols` columns; the rows may have several axes.
class Space {
public:
  long rows = 1, cols = 1;
  Dims sizes; ///< of the row axes

  /// `groups` names a group for each axis; only axes of one group are merged. The last axis left becomes the columns;
  /// with `keepLast`, the last axis does even when it is 1 or could vanish.
  void merge(const Dims& dims, const std::vector<int>& groups, bool keepLast, std::vector<Access*>& users) {
    struct Axis {
      long size;
      int group;
      std::vector<long> strides;
    };
    std::vector<Axis> axes;
    const size_t rank = dims.size();
    for (size_t i = 0; i < rank; i++) {
      bool kept = keepLast && i == rank - 1;
      if (dims[i] == 1 && !kept) continue;
      Axis axis{dims[i], groups[i], {}};
      for (Access* user : users) axis.strides.push_back(dims[i] == 1 || user->strides.empty() ? 0 : user->strides[i]);
      bool joins = !axes.empty() && axes.back().group == axis.group;
      for (size_t u = 0; joins && u < users.size(); u++)
        joins = axes.back().strides[u] == axis.strides[u] * axis.size;
      if (joins) {
        axes.back().size *= axis.size;
        axes.back().strides = axis.strides;
      } else axes.push_back(axis);
    }
    if (axes.empty()) axes.push_back({1, 0, std::vector<long>(users.size(), 0)});
    cols = axes.back().size;
    rows = 1;
    sizes.clear();
    for (size_t i = 0; i + 1 < axes.size(); i++) sizes.push_back(axes[i].size), rows *= axes[i].size;
    for (size_t u = 0; u < users.size(); u++) {
      Access& user = *users[u];
      user.strides.clear();
      for (size_t i = 0; i + 1 < axes.size(); i++) user.strides.push_back(axes[i].strides[u]);
      user.row = user.strides.empty() ? 0 : user.strides.back();
      user.col = axes.back().strides[u];
    }
  }

  /// How many rows from `row` on lie on a straight line for every access.
  long straight(long row) const { return sizes.size() < 2 ? rows - row : sizes.back() - row % sizes.back(); }

  /// Where the number at (row, col) lies.
  long place(const Access& access, long row, long col) const {
    long at = access.offset + col * access.col;
    size_t i = sizes.size();
    if (i < 2) return at + row * access.row;
    for (; i-- > 1; row /= sizes[i]) at += row % sizes[i] * access.strides[i];
    return at + row * access.strides[0];
  }
};

/// Where a thread, of `parts`, begins in `n` things handed out in multiples of `unit`.
inline long shareOf(long n, int part, int parts, long unit = 1) {
  if (part >= parts) return n;
  long units = (n + unit - 1) / unit;
  long at = units * part / parts * unit;
  return at < n ? at : n;
}

} // namespace cambium::CAMBIUM_ISA
