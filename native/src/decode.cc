// Reads an encoded program and checks everything that could make a kernel leave its memory.
#include "reader.hpp"

namespace cambium {
namespace {

constexpr int magic = 0x43424d31, version = 6;

/// Reads the parts in the order encode.ts writes them.
class Decoder {
public:
  explicit Decoder(Reader reader) : in(reader) {}

  Program program() {
    if (in.word() != magic) throw BadProgram("this is not an encoded program");
    if (int v = in.word(); v != version)
      throw BadProgram("the program is encoded in version " + std::to_string(v) + ", the addon reads version " + std::to_string(version) + ": build the addon anew");
    p.threads = in.word();
    if (p.threads < 1 || p.threads > 256) throw BadProgram("the number of threads must be 1 to 256");
    p.scalars = in.count();
    p.arena = in.size(), p.local = in.size(), p.partial = in.size();
    slots(p.inputs);
    slots(p.outputs);
    for (int n = in.count(); n > 0; n--) value();
    for (int n = in.count(); n > 0; n--) p.stages.push_back(stage());
    if (!in.done()) throw BadProgram("the encoded program is longer than it should be");
    return std::move(p);
  }

private:
  Reader in;
  Program p;

  void slots(std::vector<Slot>& list) {
    for (int n = in.count(); n > 0; n--) {
      DType dtype = in.dtype();
      list.push_back({dtype, in.size()});
    }
  }

  void value() {
    Value v;
    v.at = (At)in.choice(7, "home");
    v.place = in.size();
    v.dtype = in.dtype();
    v.length = in.size();
    auto slot = [&](const std::vector<Slot>& list, const char* name) {
      if (v.place >= (long)list.size() || list[v.place].length < v.length || bytesOf(list[v.place].dtype) != bytesOf(v.dtype))
        throw BadProgram(std::string("a value does not fit its ") + name + " slot");
    };
    auto room = [&](long bytes) {
      if (v.place + v.bytes() > bytes) throw BadProgram("a value does not fit the memory planned for it");
    };
    switch (v.at) {
      case At::input: slot(p.inputs, "input"); break;
      case At::output: slot(p.outputs, "output"); break;
      case At::scalar:
        if (v.place >= p.scalars) throw BadProgram("a value has no scalar slot");
        break;
      case At::arena: room(p.arena); break;
      case At::local: break; // checked where the chunk is known
      case At::partial: room(p.partial); break;
      case At::bound: break; // a loop says where it lies
    }
    p.values.push_back(v);
  }

  int known(int value) {
    if (value < 0 || value >= (int)p.values.size()) throw BadProgram("a kernel uses value " + std::to_string(value) + ", which does not exist");
    if (p.values[value].at == At::bound && p.values[value].stands.empty()) throw BadProgram("a value is used outside of the loop that binds it");
    return value;
  }
  int known() { return known(in.word()); }

  View view(const Dims& space, bool folded = false) {
    View v;
    v.value = in.word();
    v.offset = in.whole();
    v.strides = in.wholes();
    if (folded && v.value == -1) return v;
    known(v.value);
    if (v.strides.size() != space.size()) throw BadProgram("a view has " + std::to_string(v.strides.size()) + " strides for " + std::to_string(space.size()) + " axes");
    long low = v.offset, high = v.offset;
    for (size_t i = 0; i < space.size(); i++) {
      if (space[i] == 0) return v;
      (v.strides[i] < 0 ? low : high) += v.strides[i] * (space[i] - 1);
    }
    if (low < 0 || high >= p.values[v.value].length) throw BadProgram("a view reaches outside its value");
    return v;
  }

  /// `folded`: the one store hands the number on instead of storing it.
  Body body(const Dims& space, bool folded = false) {
    Body b;
    b.wide = in.flag();
    b.given = in.count();
    for (int n = in.count(); n > 0; n--) b.loads.push_back(view(space));
    int registers = b.given + (int)b.loads.size();
    for (int n = in.count(); n > 0; n--) {
      Instruction i;
      i.op = in.text();
      for (int args = in.count(); args > 0; args--) {
        i.args.push_back(in.word());
        if (i.args.back() < 0 || i.args.back() >= registers) throw BadProgram(i.op + ": an argument comes later than its use");
      }
      i.number = in.number();
      i.axis = in.word();
      i.dtype = in.dtype();
      i.offset = in.whole();
      i.strides = in.wholes();
      if (i.axis < 0 || i.axis >= (int)std::max<size_t>(space.size(), 1)) throw BadProgram(i.op + ": no such axis");
      if (!i.strides.empty() && i.strides.size() != space.size()) throw BadProgram(i.op + ": strides do not match the space");
      b.code.push_back(std::move(i));
      registers++;
    }
    for (int n = in.count(); n > 0; n--) {
      Store s;
      static_cast<View&>(s) = view(space, folded);
      s.from = in.word();
      if (s.from < 0 || s.from >= registers) throw BadProgram("a store takes a register that does not exist");
      if (s.value >= 0 && p.values[s.value].at == At::scalar) throw BadProgram("a scalar cannot be stored to");
      b.stores.push_back(std::move(s));
    }
    return b;
  }

  Frame geometry() {
    Frame g;
    g.samples = in.size();
    g.input = in.sizes(), g.output = in.sizes(), g.window = in.sizes();
    g.stride = in.sizes(), g.dilation = in.sizes(), g.inputDilation = in.sizes();
    g.padding = in.wholes();
    size_t rank = g.input.size();
    for (const Dims* d : {&g.output, &g.window, &g.stride, &g.dilation, &g.inputDilation, &g.padding})
      if (d->size() != rank) throw BadProgram("a geometry has unequal ranks");
    if (rank < 1 || rank > 3) throw BadProgram("a geometry has 1 to 3 spatial axes");
    for (size_t i = 0; i < rank; i++)
      if (g.stride[i] < 1 || g.dilation[i] < 1 || g.inputDilation[i] < 1) throw BadProgram("strides and dilations are at least 1");
    return g;
  }

  void holds(int value, long length) {
    if (p.values[value].length < length || p.values[value].at == At::scalar) throw BadProgram("a kernel's operand is too small");
  }

  static Dims joined(Dims a, const Dims& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  static Dims joined(Dims a, long b) {
    a.push_back(b);
    return a;
  }

  Stage stage() {
    Stage s;
    s.samples = in.size();
    s.chunk = in.size();
    s.serial = in.flag();
    if (s.samples > 0 && s.chunk < 1) throw BadProgram("a chunk has at least one sample");
    for (int n = in.count(); n > 0; n--) s.kernels.push_back(kernel());
    for (int n = in.count(); n > 0; n--) s.owners.push_back(in.word());
    if (s.owners.empty()) s.owners.assign(s.kernels.size(), -1);
    if (s.owners.size() != s.kernels.size()) throw BadProgram("a stage names an owner for each of its kernels or for none");
    for (int owner : s.owners)
      if (owner < -1 || owner >= p.threads || (owner >= 0 && (s.samples > 0 || s.serial))) throw BadProgram("a kernel is owned by a thread that cannot do it alone");
    for (const Kernel& k : s.kernels)
      if (k.loop && (s.kernels.size() > 1 || s.samples > 0)) throw BadProgram("a loop is alone in its stage");
    return s;
  }

  /// A value outside of a loop that holds `length` numbers like those of `inner`.
  int outside(int inner, long length) {
    const int value = known();
    const Value& v = p.values[value];
    if (v.at == At::scalar || v.at == At::local || v.at == At::partial) throw BadProgram("a loop takes memory that all threads share");
    if (v.length < length || v.dtype != p.values[inner].dtype) throw BadProgram("a value is bound to one that does not hold it");
    return value;
  }

  /// A value of a loop's own, not bound yet.
  int inside() {
    const int value = in.word();
    if (value < 0 || value >= (int)p.values.size() || p.values[value].at != At::bound || !p.values[value].stands.empty())
      throw BadProgram("a loop binds a value that is not free to be bound");
    return value;
  }

  std::vector<Bond> bonds(long pieces) {
    std::vector<Bond> list;
    for (int n = in.count(); n > 0; n--) {
      const int inner = inside();
      const long length = p.values[inner].length;
      if (length > (1L << 53) / std::max(pieces, 1L)) throw BadProgram("a stack is too long");
      const int outer = outside(inner, length * pieces);
      list.push_back({inner, outer});
    }
    return list;
  }

  std::shared_ptr<Loop> loop() {
    auto l = std::make_shared<Loop>();
    if (++depth > 32) throw BadProgram("loops are nested too deep");
    l->steps = in.size();
    if (l->steps < 1) throw BadProgram("a loop has at least one step");
    l->reverse = in.flag();
    l->same = bonds(1), l->reads = bonds(l->steps), l->writes = bonds(l->steps);
    for (int n = in.count(); n > 0; n--) {
      Carry c;
      c.before = inside(), c.after = inside();
      const long length = p.values[c.before].length;
      if (p.values[c.after].length != length || p.values[c.after].dtype != p.values[c.before].dtype || c.before == c.after)
        throw BadProgram("a carry does not keep its form");
      c.start = outside(c.before, length), c.even = outside(c.before, length), c.odd = outside(c.before, length);
      if (l->steps > 1 && c.even == c.odd) throw BadProgram("a carry needs two places");
      l->carries.push_back(c);
    }
    l->going = in.word();
    if (l->going >= (int)l->carries.size() || (l->going >= 0 && (p.values[l->carries[l->going].before].dtype != DType::boolean || !l->writes.empty())))
      throw BadProgram("a loop cannot stop by that carry");
    for (auto* list : {&l->same, &l->reads, &l->writes})
      for (const Bond& b : *list) bindTo(b.inner, {b.outer});
    for (const Carry& c : l->carries) {
      bindTo(c.before, {c.start, c.even, c.odd}), bindTo(c.after, {c.even, c.odd});
      p.values[c.before].carry = p.values[c.after].carry = c.before;
    }
    for (int n = in.count(); n > 0; n--) l->stages.push_back(stage());
    depth--;
    return l;
  }

  int depth = 0;

  void bindTo(int inner, const std::vector<int>& outer) {
    if (!p.values[inner].stands.empty()) throw BadProgram("a value is bound twice");
    p.values[inner].stands = outer;
  }

  Kernel kernel() {
    Kernel k;
    k.kind = (Kind)in.choice(15, "kernel kind");
    switch (k.kind) {
      case Kind::map:
        k.dims = in.sizes();
        k.body = body(k.dims);
        break;
      case Kind::reduce:
        k.op = (Fold)in.choice(6, "fold");
        k.dims = in.sizes(), k.fold = in.sizes(), k.inner = in.size();
        k.body = body(joined(joined(k.dims, k.fold), k.inner), true);
        if (k.body.stores.size() != 1 || k.body.stores[0].value != -1) throw BadProgram("a reduction's body has one store, with value -1");
        k.finish = body(joined(k.dims, k.inner));
        break;
      case Kind::matmul:
        k.dims = in.sizes();
        k.m = in.size(), k.n = in.size(), k.k = in.size();
        k.a = view(joined(joined(k.dims, k.m), k.k));
        k.b = view(joined(joined(k.dims, k.k), k.n));
        k.split = (Split)in.choice(3, "split");
        k.finish = body(joined(joined(k.dims, k.m), k.n));
        break;
      case Kind::conv:
      case Kind::convKernel: {
        k.geometry = geometry();
        k.channels = in.size(), k.filters = in.size(), k.groups = in.size();
        if (k.groups < 1 || k.channels % k.groups || k.filters % k.groups) throw BadProgram("groups do not divide the channels");
        long dense = product(k.geometry.window) * (k.channels / k.groups) * k.filters;
        long images = k.geometry.samples * product(k.geometry.input) * k.channels;
        long results = k.geometry.samples * product(k.geometry.output) * k.filters;
        k.x = known(), k.w = known();
        holds(k.x, images);
        holds(k.w, k.kind == Kind::conv ? dense : results);
        if (k.kind == Kind::conv) k.finish = body(space(k, k.filters));
        else holds(k.out = known(), dense);
        break;
      }
      case Kind::pool:
        k.most = in.flag();
        k.geometry = geometry();
        k.channels = in.size();
        holds(k.x = known(), k.geometry.samples * product(k.geometry.input) * k.channels);
        k.finish = body(space(k, k.channels));
        break;
      case Kind::unpool:
      case Kind::poolTake: {
        k.geometry = geometry();
        k.channels = in.size();
        long small = k.geometry.samples * product(k.geometry.output) * k.channels;
        long large = k.geometry.samples * product(k.geometry.input) * k.channels;
        bool adjoint = k.kind == Kind::unpool;
        holds(k.x = known(), adjoint ? small : large);
        k.index = in.word();
        if (k.index >= 0 || !adjoint) holds(known(k.index), small);
        holds(k.out = known(), adjoint ? large : small);
        break;
      }
      case Kind::gather:
      case Kind::scatterAdd: {
        k.outer = in.size(), k.size = in.size(), k.count = in.size(), k.inner = in.size();
        bool gather = k.kind == Kind::gather;
        holds(k.x = known(), k.outer * (gather ? k.size : k.count) * k.inner);
        holds(k.index = known(), k.count);
        holds(k.out = known(), k.outer * (gather ? k.count : k.size) * k.inner);
        k.largest = in.flag();
        k.number = in.number();
        break;
      }
      case Kind::pad: {
        k.dims = in.sizes(), k.low = in.wholes(), k.high = in.wholes();
        k.number = in.number();
        k.x = known(), k.out = known();
        if (k.low.size() != k.dims.size() || k.high.size() != k.dims.size()) throw BadProgram("pad: ends do not match the axes");
        long n = 1;
        for (size_t i = 0; i < k.dims.size(); i++) {
          long size = k.dims[i] + k.low[i] + k.high[i];
          if (size < 0) throw BadProgram("pad: an axis would have less than no numbers");
          n *= size;
        }
        holds(k.x, product(k.dims));
        holds(k.out, n);
        break;
      }
      case Kind::attention: {
        k.dims = in.sizes();
        k.outer = in.size(), k.groups = in.size(), k.m = in.size(), k.n = in.size(), k.k = in.size(), k.inner = in.size();
        if (k.groups < 1 || k.outer % k.groups) throw BadProgram("attention: the heads of queries are no multiple of those of keys");
        k.backward = in.flag(), k.apart = in.flag();
        const bool masked = in.flag(), back = in.flag();
        k.number = in.number(), k.hidden = in.number();
        const Dims heads{k.outer, k.groups, k.groups}, positions{k.m, k.n, k.n}, sizes{k.k, k.k, k.inner};
        auto space = [&](int i) { return joined(k.dims, {positions[i], heads[i], sizes[i]}); };
        for (int i = 0; i < 3; i++) k.views.push_back(view(space(i)));
        if (masked) k.a = view(joined(k.dims, {k.outer, k.m, k.n}));
        const Dims result = joined(k.dims, {k.m, k.outer, k.inner});
        if (back) k.b = view(result);
        for (int i = 0; i < (back ? 3 : 1); i++) k.results.push_back(view(back ? space(i) : result));
        k.out = known();
        break;
      }
      case Kind::loop: k.loop = loop(); break;
      case Kind::factorization: {
        k.task = (Task)in.choice(7, "task");
        k.outer = in.size(), k.m = in.size(), k.n = in.size(), k.k = in.size();
        k.upper = in.flag(), k.transposed = in.flag(), k.unit = in.flag();
        k.x = known();
        if (int right = in.word(); right >= 0) k.w = known(right);
        k.out = known();
        break;
      }
      case Kind::lines:
        k.line = (Line)in.choice(8, "line task");
        k.outer = in.size(), k.size = in.size(), k.count = in.size(), k.inner = in.size();
        k.backward = in.flag(), k.apart = in.flag();
        k.x = known();
        if (int second = in.word(); second >= 0) k.index = known(second);
        k.out = known();
        break;
    }
    return k;
  }

  static Dims space(const Kernel& k, long last) { return joined(joined(Dims{k.geometry.samples}, k.geometry.output), last); }
};

} // namespace

Program decode(const int32_t* words, size_t wordCount, const double* numbers, size_t numberCount) {
  return Decoder(Reader(words, wordCount, numbers, numberCount)).program();
}

} // namespace cambium
