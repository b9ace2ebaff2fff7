// Convolutions and pooling: kernels over images, split by samples.
#pragma once
#include "conv.hpp"
#include "convkernel.hpp"
#include "finisher.hpp"
#include "pool.hpp"
#include "poolgradient.hpp"

namespace cambium::CAMBIUM_ISA {

/// A kernel over samples, each of which is its own piece of work.
class SampleRunner : public Runner {
public:
  void run(Worker& w, const Share& share) final {
    if (share.samples > 0) samples(w, share.from, share.to, share.first);
    else {
      const long from = shareOf(geometry.n, share.part, share.parts), to = shareOf(geometry.n, share.part + 1, share.parts);
      if (from < to) samples(w, from, to, true);
    }
  }

protected:
  Geometry geometry;

  SampleRunner(const Kernel& k, const Making& making) {
    const Frame& f = k.geometry;
    if (making.samples > 0 && f.samples != making.samples) throw BadProgram("an image kernel must have the samples of its stage");
    const int rank = (int)f.input.size(), lead = 3 - rank;
    geometry.n = f.samples, geometry.spatial = rank;
    geometry.channels = k.channels, geometry.filters = k.filters > 0 ? k.filters : k.channels, geometry.groups = k.groups;
    for (int i = 0; i < 3; i++) {
      auto of = [&](const Dims& d, long without) { return i < lead ? without : d[i - lead]; };
      geometry.in[i] = of(f.input, 1), geometry.out[i] = of(f.output, 1), geometry.kernel[i] = of(f.window, 1);
      geometry.stride[i] = of(f.stride, 1), geometry.dilation[i] = of(f.dilation, 1);
      geometry.inputDilation[i] = of(f.inputDilation, 1), geometry.padLow[i] = of(f.padding, 0);
    }
  }

  virtual void samples(Worker& w, long from, long to, bool first) = 0;
};

template <class T>
void sameType(const Program& program, std::initializer_list<int> values, const char* kernel) {
  for (int value : values)
    if (plainValue(program, value, kernel).dtype != dtypeOf<T>) throw BadProgram(std::string(kernel) + ": its operands must have one floating-point dtype");
}

inline Dims imageSpace(const Kernel& k, long last) {
  Dims space{k.geometry.samples};
  space.insert(space.end(), k.geometry.output.begin(), k.geometry.output.end());
  space.push_back(last);
  return space;
}

template <class T>
class ConvRunner : public SampleRunner {
public:
  ConvRunner(const Kernel& k, Making& making) : SampleRunner(k, making), finisher(k.finish, imageSpace(k, k.filters), making), x(k.x), w(k.w) {
    sameType<T>(making.program, {x, w}, "conv");
  }
  Needs needs() const override { return {0, finisher.scratchBytes(), convScratch(geometry), finisher.lastingBytes()}; }
  void place(Worker& worker, char* lasting) override { finisher.place(worker, lasting); }
  void begin(Worker& worker) override { finisher.begin(worker); }
  void samples(Worker& worker, long from, long to, bool) override {
    typename Finisher<T>::Call call{&finisher, &worker, 0};
    Conv<T> p{};
    (Geometry&)p = geometry;
    p.x = worker.at<T>(x), p.w = worker.at<T>(w);
    p.finish = Finisher<T>::of(call);
    p.scratch = (T*)worker.kernel;
    conv(p, from, to);
  }

private:
  Finisher<T> finisher;
  int x, w;
};

template <class T>
class ConvKernelRunner : public Runner {
public:
  ConvKernelRunner(const Kernel& k, Making& making) : inner(k, making), partial(making.program.values[k.out].at == At::partial) {
    if (making.samples > 0 && !partial && !making.alone) throw BadProgram("convKernel: in a stage over samples the result must be partial");
  }
  Needs needs() const override { return inner.needs(); }
  void run(Worker& w, const Share& share) override {
    if (share.samples > 0) return inner.run(w, share);
    // A result that is not partial is one sum over all samples: thread 0 makes it.
    const long n = inner.count();
    const long from = partial ? shareOf(n, share.part, share.parts) : 0, to = partial ? shareOf(n, share.part + 1, share.parts) : n;
    if (partial || share.part == 0) inner.run(w, {n, from, to, true, 1});
  }

private:
  class Inner : public SampleRunner {
  public:
    Inner(const Kernel& k, Making& making) : SampleRunner(k, making), x(k.x), dy(k.w), out(k.out) {
      sameType<T>(making.program, {x, dy}, "convKernel");
      if (making.program.values[out].dtype != dtypeOf<T>) throw BadProgram("convKernel: its operands must have one floating-point dtype");
    }
    long count() const { return geometry.n; }
    Needs needs() const override { return {0, 0, convKernelScratch(geometry), 0}; }
    void samples(Worker& w, long from, long to, bool first) override {
      ConvKernel<T> p{};
      (Geometry&)p = geometry;
      p.x = w.at<T>(x), p.dy = w.at<T>(dy), p.dw = w.at<T>(out);
      p.scratch = (T*)w.kernel;
      convKernel(p, from, to, !first);
    }

  private:
    int x, dy, out;
  } inner;
  bool partial;
};

template <class T>
class PoolRunner : public SampleRunner {
public:
  PoolRunner(const Kernel& k, Making& making) : SampleRunner(k, making), finisher(k.finish, imageSpace(k, k.channels), making), x(k.x), most(k.most) {
    sameType<T>(making.program, {x}, "pool");
    if (k.finish.given > (most ? 2 : 1)) throw BadProgram("pool: only the largest has a place in its window");
  }
  Needs needs() const override { return {0, finisher.scratchBytes(), poolScratch(geometry, sizeof(T)), finisher.lastingBytes()}; }
  void place(Worker& w, char* lasting) override { finisher.place(w, lasting); }
  void begin(Worker& w) override { finisher.begin(w); }
  void samples(Worker& w, long from, long to, bool) override {
    typename Finisher<T>::Call call{&finisher, &w, 0};
    Pool<T> p{};
    (Geometry&)p = geometry;
    p.mode = most ? PoolMode::max : PoolMode::sum;
    p.x = w.at<T>(x);
    p.finish = Finisher<T>::of(call);
    p.scratch = (T*)w.kernel;
    pool(p, from, to);
  }

private:
  Finisher<T> finisher;
  int x;
  bool most;
};

/// The winner's places of a pooling, in bytes or whole numbers.
struct Places {
  int value = -1;
  bool bytes = false;

  Places(const Kernel& k, const Program& program, const char* kernel) : value(k.index) {
    if (value < 0) return;
    const DType type = plainValue(program, value, kernel).dtype;
    if (type != DType::uint8 && type != DType::int32) throw BadProgram(std::string(kernel) + ": places in a window are uint8 or int32");
    bytes = type == DType::uint8;
  }
  template <class P>
  void set(P& p, const Worker& w) const {
    if (value < 0) return;
    if (bytes) p.index8 = w.at<uint8_t>(value);
    else p.index32 = w.at<int32_t>(value);
  }
};

template <class T>
class UnpoolRunner : public SampleRunner {
public:
  UnpoolRunner(const Kernel& k, Making& making) : SampleRunner(k, making), dy(k.x), out(k.out), places(k, making.program, "unpool") {
    sameType<T>(making.program, {dy, out}, "unpool");
  }
  Needs needs() const override { return {0, 0, poolScratch(geometry, sizeof(T)), 0}; }
  void samples(Worker& w, long from, long to, bool) override {
    PoolGradient<T> p{};
    (Geometry&)p = geometry;
    p.mode = PoolMode::sum;
    p.dy = w.at<T>(dy), p.dx = w.at<T>(out);
    p.scratch = (T*)w.kernel;
    places.set(p, w);
    if (places.value < 0) poolSpread(p, from, to);
    else poolPut(p, from, to);
  }

private:
  int dy, out;
  Places places;
};

template <class T>
class PoolTakeRunner : public SampleRunner {
public:
  PoolTakeRunner(const Kernel& k, Making& making) : SampleRunner(k, making), x(k.x), out(k.out), places(k, making.program, "poolTake") {
    sameType<T>(making.program, {x, out}, "poolTake");
  }
  Needs needs() const override { return {0, 0, poolScratch(geometry, sizeof(T)), 0}; }
  void samples(Worker& w, long from, long to, bool) override {
    Pool<T> p{};
    (Geometry&)p = geometry;
    p.mode = PoolMode::max;
    p.x = w.at<T>(x), p.y = w.at<T>(out);
    p.scratch = (T*)w.kernel;
    places.set(p, w);
    poolTake(p, from, to);
  }

private:
  int x, out;
  Places places;
};

} // namespace cambium::CAMBIUM_ISA
