// Values mixed by how well keys match queries, and what flows back: a block of queries at a time, so that scores never leave the cache.
#pragma once
#include "finisher.hpp"
#include "fold.hpp"
#include "pack.hpp"
#include "scratch.hpp"

namespace cambium::CAMBIUM_ISA {

/// Packed columns of a right operand, in panels as `packPanels` writes them.
struct Panels {
  float* data;
  long depth, columns;
  int vectors;

  static long padded(long columns) { return (columns + lanes - 1) / lanes * lanes; }
  static long room(long depth, long columns) { return depth * padded(columns) + 2 * lanes; }
  void pack(const float* b, long row, long col) { packPanels(b, row, col, depth, columns, (long)vectors * lanes, data); }

  /// out[r][c] = a[r] . column c over the first `deep` rows, for whole panels that reach `upTo`; added to what is there when `adding`.
  void times(const float* a, long aRow, long aCol, long rows, long deep, long upTo, float* out, long outRow, bool adding) const {
    const long width = (long)vectors * lanes;
    const Cut cut(rows, rowsOf(vectors));
    for (long c = 0; c < upTo; c += width) {
      const long wide = std::min(width, columns - c);
      const float* b = data + c * depth;
      for (long i = 0; i < cut.count; i++) {
        const float* ai = a + cut.start(i) * aRow;
        TileSum s{};
        s.a = &ai, s.b = &b, s.terms = 1, s.depth = deep;
        s.aRow = aRow, s.aTriple = 3 * aRow, s.aStep = aCol, s.bStep = padded(wide);
        s.out = out + cut.start(i) * outRow + c, s.outRow = outRow;
        if (adding) s.from = s.out, s.fromRow = outRow;
        tileSums(s, (int)cut.length(i), wide, vectors);
      }
    }
  }
};

/// e to a power of at most 0; 0 below e^-87.
CAMBIUM_INLINE F expBelow(F x) {
  const Exponential e = exponential(x);
  const F r = (e.fraction + 1.f) * number<F>((__builtin_convertvector(e.k, FI) + 127) << 23);
  return x < -87.f ? F{} : r;
}

class AttentionRunner : public Runner {
public:
  AttentionRunner(const Kernel& k, Making& making)
      : dims(k.dims), heads(k.outer), shared(k.groups), queries(k.m), keys(k.n), features(k.k), depth(k.inner), causal(k.backward),
        scale((float)k.number), hidden(k.apart ? (float)k.hidden : -infinity), keepsHidden(k.apart), query(k.views[0]), key(k.views[1]), value(k.views[2]),
        mask(k.a), flow(k.b), results(k.results), group(heads / shared) {
    if (making.samples > 0) throw BadProgram("attention: does not run in a stage over samples");
    auto expect = [&](const View& v) {
      if (plainValue(making.program, v.value, "attention").dtype != DType::float32) throw BadProgram("attention: its operands are float32");
    };
    for (const View& v : k.views) expect(v);
    for (const View& v : k.results) {
      expect(v);
      if (v.strides.back() != 1) throw BadProgram("attention: the features of a result lie side by side");
    }
    if (flow.value >= 0) expect(flow);
    if (mask.value >= 0) {
      maskType = plainValue(making.program, mask.value, "attention").dtype;
      if (maskType != DType::float32 && maskType != DType::boolean) throw BadProgram("attention: its mask is float32 or bool");
    }
    vectors = flow.value >= 0 ? tileVectors : vectorsFor(queries);
    // A whole number of tiles; of many keys fewer queries at a time, so that their scores stay in the cache.
    const long tile = rowsOf(vectors), least = 2 * tile, most = (flow.value >= 0 ? 8 : 4) * tile;
    rows = std::min(std::max(queries, 1L), std::max(least, std::min(most, 32768 / Panels::padded(keys + 1) / tile * tile)));
    scoreRow = Panels::padded(keys) + (Panels::padded(keys) % 64 == 0 ? lanes : 0);
  }
  Needs needs() const override {
    Scratch count;
    Room room(*this, count);
    return {0, 0, count.bytes() + 64, 0};
  }

  void run(Worker& w, const Share& share) override {
    Scratch scratch(w.kernel);
    Room room(*this, scratch);
    const long items = product(dims) * shared;
    if (items == 0) return;
    if (flow.value >= 0) {
      for (long i = shareOf(items, share.part, share.parts), end = shareOf(items, share.part + 1, share.parts); i < end; i++) back(w, room, i / shared, i % shared);
      return;
    }
    // Few heads: threads take turns at blocks of queries instead.
    const bool whole = items % share.parts == 0 || items >= 4 * share.parts;
    const long first = whole ? shareOf(items, share.part, share.parts) : 0, end = whole ? shareOf(items, share.part + 1, share.parts) : items;
    for (long i = first; i < end; i++) forward(w, room, i / shared, i % shared, whole ? 0 : share.part, whole ? 1 : share.parts);
  }

private:
  Dims dims;
  long heads, shared, queries, keys, features, depth;
  bool causal;
  float scale, hidden;
  bool keepsHidden;
  View query, key, value, mask, flow;
  std::vector<View> results;
  long group, rows, scoreRow;
  int vectors;
  DType maskType = DType::float32;

  /// A thread's scratch.
  struct Room {
    Panels turnedKeys, values, turnedValues, plainKeys, queryRows, flowRows;
    float *scores, *flows, *inverse, *masked, *keySums, *valueSums;
    Room(const AttentionRunner& a, Scratch& s) {
      auto panels = [&](long depth, long columns, int vectors) { return Panels{s.take<float>(Panels::room(depth, columns)), depth, columns, vectors}; };
      turnedKeys = panels(a.features, a.keys, a.vectors);
      scores = s.take<float>(a.rows * a.scoreRow + lanes);
      inverse = s.take<float>(a.rows);
      masked = s.take<float>(a.scoreRow + lanes);
      if (a.flow.value < 0) {
        values = panels(a.keys, a.depth, a.vectors);
        return;
      }
      flows = s.take<float>(a.rows * a.scoreRow + lanes);
      turnedValues = panels(a.depth, a.keys, tileVectors);
      plainKeys = panels(a.keys, a.features, tileVectors);
      queryRows = panels(a.rows, a.features, tileVectors), flowRows = panels(a.rows, a.depth, tileVectors);
      keySums = s.take<float>(a.keys * a.features + lanes), valueSums = s.take<float>(a.keys * a.depth + lanes);
    }
  };

  /// A view's numbers for one of `dims` and one head: element (position, feature) is at position * row + feature * col.
  struct Head {
    float* at;
    long row, col;
  };
  long offset(const View& v, long lead) const {
    long at = v.offset;
    for (size_t i = dims.size(); i-- > 0; lead /= dims[i]) at += lead % dims[i] * v.strides[i];
    return at;
  }
  Head head(const Worker& w, const View& v, long lead, long h) const {
    const size_t rank = dims.size();
    return {w.at<float>(v.value) + offset(v, lead) + h * v.strides[rank + 1], v.strides[rank], v.strides[rank + 2]};
  }
  long seen(long row) const { return causal ? std::min(row + 1, keys) : keys; }

  void packKeys(const Worker& w, Room& room, long lead, long h) const {
    const Head k = head(w, key, lead, h);
    room.turnedKeys.pack(k.at, k.col, k.row);
    float* p = room.turnedKeys.data;
    for (long i = 0, n = packedPanels(features, keys); i < n; i += Lane<float>::n) put(p + i, get<float>(p + i) * scale);
  }

  /// The mask's numbers for one query, `lanes` of them more than keys; null without a mask.
  struct MaskRow {
    const void* from = nullptr;
    const float* at = nullptr;
  };
  void findMask(const Worker& w, Room& room, long lead, long h, long row, MaskRow& found) const {
    if (mask.value < 0) return;
    const size_t rank = dims.size();
    const long place = offset(mask, lead) + h * mask.strides[rank] + row * mask.strides[rank + 1], step = mask.strides[rank + 2];
    const void* from = maskType == DType::float32 ? (const void*)(w.at<float>(mask.value) + place) : (const void*)(w.at<uint8_t>(mask.value) + place);
    if (from == found.from) return;
    found = {from, room.masked};
    if (maskType == DType::float32)
      for (long j = 0; j < keys; j++) room.masked[j] = ((const float*)from)[j * step];
    else if (step == 1)
      for (long j = 0; j < keys; j++) room.masked[j] = ((const uint8_t*)from)[j] ? 0.f : 1.f;
    else
      for (long j = 0; j < keys; j++) room.masked[j] = ((const uint8_t*)from)[j * step] ? 0.f : 1.f;
  }

  /// Turns a row of scores, of which `n` count, into powers of e, zeros up to `width`; what makes them shares.
  float powers(float* s, long n, long width, const float* masked) const {
    constexpr long step = Lane<float>::n;
    for (long j = n, end = (n + step - 1) / step * step; j < end; j++) s[j] = -infinity;
    const long end = (n + step - 1) / step * step;
    if (masked) {
      const bool adds = maskType == DType::float32;
      for (long j = 0; j < n; j += step) {
        const F x = get<float>(s + j), m = get<float>(masked + j);
        const F y = adds ? x + m : m == 0.f ? x : all(hidden);
        if (j + step <= n) put(s + j, y);
        else put(s + j, y, Some<float>(n - j));
      }
    }
    F top = all(-infinity), other = top;
    long j = 0;
    for (; j + 2 * step <= end; j += 2 * step) top = FoldMax::join(top, get<float>(s + j)), other = FoldMax::join(other, get<float>(s + j + step));
    if (j < end) top = FoldMax::join(top, get<float>(s + j));
    const float largest = joinLanes<FoldMax, float>(FoldMax::join(top, other));
    for (long z = end; z < width; z += step) put(s + z, F{});
    if (largest == -infinity) {
      for (j = 0; j < end; j += step) put(s + j, F{});
      return 0;
    }
    F total{};
    for (j = 0; j < end; j += step) {
      const F e = expBelow(get<float>(s + j) - largest);
      total += e;
      put(s + j, e);
    }
    return 1 / joinLanes<FoldSum, float>(total);
  }

  void forward(const Worker& w, Room& room, long lead, long h, int turn, int turns) const {
    packKeys(w, room, lead, h);
    const Head v = head(w, value, lead, h);
    room.values.pack(v.at, v.row, v.col);
    for (long g = h * group; g < (h + 1) * group; g++) {
      const Head q = head(w, query, lead, g), out = head(w, results[0], lead, g);
      MaskRow masked;
      for (long r0 = turn * rows; r0 < queries; r0 += turns * rows) {
        const long count = std::min(rows, queries - r0), upTo = seen(r0 + count - 1);
        room.turnedKeys.times(q.at + r0 * q.row, q.row, q.col, count, features, upTo, room.scores, scoreRow, false);
        for (long r = 0; r < count; r++) {
          findMask(w, room, lead, g, r0 + r, masked);
          room.inverse[r] = powers(room.scores + r * scoreRow, seen(r0 + r), upTo, masked.at);
        }
        float* to = out.at + r0 * out.row;
        room.values.times(room.scores, scoreRow, 1, count, upTo, depth, to, out.row, false);
        for (long r = 0; r < count; r++) scaled(to + r * out.row, room.inverse[r], depth);
      }
    }
  }

  static void scaled(float* x, float by, long n) {
    constexpr long step = Lane<float>::n;
    long j = 0;
    for (; j + step <= n; j += step) put(x + j, get<float>(x + j) * by);
    for (; j < n; j++) x[j] *= by;
  }

  void back(const Worker& w, Room& room, long lead, long h) const {
    packKeys(w, room, lead, h);
    const Head k = head(w, key, lead, h), v = head(w, value, lead, h);
    room.turnedValues.pack(v.at, v.col, v.row);
    room.plainKeys.pack(k.at, k.row, k.col);
    std::fill(room.keySums, room.keySums + keys * features, 0.f);
    std::fill(room.valueSums, room.valueSums + keys * depth, 0.f);
    for (long g = h * group; g < (h + 1) * group; g++) {
      const Head q = head(w, query, lead, g), dy = head(w, flow, lead, g), dq = head(w, results[0], lead, g);
      MaskRow masked;
      for (long r0 = 0; r0 < queries; r0 += rows) {
        const long count = std::min(rows, queries - r0), upTo = seen(r0 + count - 1);
        const float *qs = q.at + r0 * q.row, *dys = dy.at + r0 * dy.row;
        room.turnedKeys.times(qs, q.row, q.col, count, features, upTo, room.scores, scoreRow, false);
        room.turnedValues.times(dys, dy.row, dy.col, count, depth, upTo, room.flows, scoreRow, false);
        for (long r = 0; r < count; r++) {
          findMask(w, room, lead, g, r0 + r, masked);
          slopes(room.scores + r * scoreRow, room.flows + r * scoreRow, seen(r0 + r), upTo, masked.at);
        }
        room.plainKeys.times(room.flows, scoreRow, 1, count, upTo, features, dq.at + r0 * dq.row, dq.row, false);
        Panels queryRows = room.queryRows, flowRows = room.flowRows;
        queryRows.depth = flowRows.depth = count;
        queryRows.pack(qs, q.row, q.col), flowRows.pack(dys, dy.row, dy.col);
        queryRows.times(room.flows, 1, scoreRow, upTo, count, features, room.keySums, features, true);
        flowRows.times(room.scores, 1, scoreRow, upTo, count, depth, room.valueSums, depth, true);
      }
    }
    deliver(head(w, results[1], lead, h), room.keySums, features);
    deliver(head(w, results[2], lead, h), room.valueSums, depth);
  }

  void deliver(const Head& to, const float* sums, long n) const {
    for (long j = 0; j < keys; j++) memcpy(to.at + j * to.row, sums + j * n, (size_t)n * sizeof(float));
  }

  /// A row of scores turned into shares, and what flows back to the shares into what flows back to the products of query and keys.
  void slopes(float* s, float* flow, long n, long width, const float* masked) const {
    constexpr long step = Lane<float>::n;
    const float by = powers(s, n, width, masked);
    const long end = (n + step - 1) / step * step;
    F sum{};
    // Beyond the keys there may be anything in `flow`; shares there are 0.
    for (long j = n; j < end; j++) flow[j] = 0;
    for (long j = 0; j < end; j += step) {
      const F p = get<float>(s + j) * by;
      put(s + j, p);
      sum += p * get<float>(flow + j);
    }
    const float mean = joinLanes<FoldSum, float>(sum);
    for (long j = 0; j < end; j += step) {
      F slope = get<float>(s + j) * (get<float>(flow + j) - mean) * scale;
      if (keepsHidden && masked) slope = get<float>(masked + j) == 0.f ? slope : F{};
      put(flow + j, slope);
    }
    for (long j = end; j < width; j += step) put(flow + j, F{});
  }
};

} // namespace cambium::CAMBIUM_ISA
