// Runs a whole program: one parallel region, its threads meeting between stages.
#pragma once
#include "attention.hpp"
#include "factorization.hpp"
#include "images.hpp"
#include "indexing.hpp"
#include "lines.hpp"
#include "memory.hpp"
#include "product.hpp"
#include "reduce.hpp"
#include "threads.hpp"
#include "turn.hpp"

namespace cambium::CAMBIUM_ISA {

inline std::unique_ptr<Runner> runnerOf(const Kernel& k, Making& making) {
  auto floating = [&](int value, auto single, auto wide) -> std::unique_ptr<Runner> {
    return making.program.values[value].dtype == DType::float64 ? wide() : single();
  };
#define CAMBIUM_BOTH(RUNNER, VALUE)                                                                                    \
  floating(VALUE, [&]() -> std::unique_ptr<Runner> { return std::make_unique<RUNNER<float>>(k, making); },             \
           [&]() -> std::unique_ptr<Runner> { return std::make_unique<RUNNER<double>>(k, making); })
  switch (k.kind) {
    case Kind::map:
      if (making.samples == 0 && Turn::fits(k, making.program, making.hazards)) return std::make_unique<TurnRunner>(k, making);
      if (k.body.wide) return std::make_unique<MapRunner<double>>(k, making);
      return std::make_unique<MapRunner<float>>(k, making);
    case Kind::reduce:
      if (k.body.wide != k.finish.wide) throw BadProgram("reduce: its body and its finish must calculate in one type");
      if (k.body.wide) return std::make_unique<ReduceRunner<double>>(k, making);
      return std::make_unique<ReduceRunner<float>>(k, making);
    case Kind::matmul: return matmulRunner(k, making);
    case Kind::conv: return CAMBIUM_BOTH(ConvRunner, k.x);
    case Kind::convKernel: return CAMBIUM_BOTH(ConvKernelRunner, k.x);
    case Kind::pool: return CAMBIUM_BOTH(PoolRunner, k.x);
    case Kind::unpool: return CAMBIUM_BOTH(UnpoolRunner, k.x);
    case Kind::poolTake: return CAMBIUM_BOTH(PoolTakeRunner, k.x);
    case Kind::gather: return std::make_unique<GatherRunner>(k, making);
    case Kind::scatterAdd:
      if (making.program.values[k.x].dtype == DType::int32) return std::make_unique<ScatterAddRunner<int32_t>>(k, making);
      if (making.program.values[k.x].dtype == DType::int64) return std::make_unique<ScatterAddRunner<int64_t>>(k, making);
      if (making.program.values[k.x].dtype == DType::int8) return std::make_unique<ScatterAddRunner<int8_t>>(k, making);
      if (bytesOf(making.program.values[k.x].dtype) == 1) return std::make_unique<ScatterAddRunner<uint8_t>>(k, making);
      return CAMBIUM_BOTH(ScatterAddRunner, k.x);
    case Kind::pad: return std::make_unique<PadRunner>(k, making);
    case Kind::factorization: return std::make_unique<FactorizationRunner>(k, making);
    case Kind::attention: return std::make_unique<AttentionRunner>(k, making);
    case Kind::lines: return std::make_unique<LinesRunner>(k, making);
    case Kind::loop: break; // no kernel of its own: its stages are run
  }
#undef CAMBIUM_BOTH
  throw BadProgram("unknown kind of kernel");
}

/// The values a kernel reads or writes.
inline std::vector<int> valuesOf(const Kernel& k) {
  std::vector<int> list;
  auto add = [&](int value) {
    if (value >= 0) list.push_back(value);
  };
  for (const Body* b : {&k.body, &k.finish}) {
    for (const View& v : b->loads) add(v.value);
    for (const Store& s : b->stores) add(s.value);
  }
  add(k.a.value), add(k.b.value);
  for (const View& v : k.views) add(v.value);
  add(k.x), add(k.w), add(k.index), add(k.out);
  return list;
}

/// The partial values a kernel makes.
inline std::vector<int> partialsOf(const Kernel& k, const Program& program) {
  std::vector<int> list;
  auto add = [&](int value) {
    if (value >= 0 && program.values[value].at == At::partial) list.push_back(value);
  };
  for (const Body* b : {&k.body, &k.finish})
    for (const Store& s : b->stores) add(s.value);
  add(k.out);
  return list;
}

class Execution : public Step {
public:
  explicit Execution(const Program& source) : program(source) {
    for (const Stage& s : program.stages) addStage(s, stages);
    for (Stage& s : program.stages) s.kernels.clear();
    parallel = false;
    for (const Ready& s : stages) parallel |= !s.serial;
    parallel &= program.threads > 1;
    barrier.start(program.threads);
    scalars.resize((size_t)program.scalars + 1);
    for (const Slot& s : program.inputs) inputBytes.push_back(s.length * bytesOf(s.dtype));
    for (const Slot& s : program.outputs) outputBytes.push_back(s.length * bytesOf(s.dtype));
    inputs.resize(program.inputs.size() + 1), outputs.resize(program.outputs.size() + 1);
  }

  size_t ready() override {
    if (memory.size() > 0) return 0;
    const size_t local = lines((size_t)program.local + 64), partial = lines((size_t)program.partial + 64);
    const size_t kernel = lines(most.body) + lines(most.finish) + lines(most.kernel) + 192;
    const size_t perThread = local + partial + kernel + most.lasting + 4096;
    memory.allocate(lines((size_t)program.arena + 64) + perThread * (size_t)program.threads);
    char* at = memory.data() + lines((size_t)program.arena + 64);
    workers.resize((size_t)program.threads);
    for (int t = 0; t < program.threads; t++, at += perThread) {
      Worker& w = workers[t];
      w.thread = t, w.threads = program.threads;
      w.base.assign(program.values.size() + 8, nullptr);
      locals.push_back(at), partials.push_back(at + local);
      w.body = at + local + partial, w.finish = w.body + lines(most.body), w.kernel = w.finish + lines(most.finish);
      char* lasting = w.body + kernel;
      place(stages, w, lasting);
    }
    for (Worker& w : workers) {
      w.partials = partials.data();
      for (size_t v = 0; v < program.values.size(); v++) {
        const Value& value = program.values[v];
        if (value.at == At::arena) w.base[v] = memory.data() + value.place;
        if (value.at == At::partial) w.base[v] = partials[w.thread] + value.place;
        if (value.at == At::scalar) w.base[v] = (char*)&scalars[value.place];
      }
    }
    return memory.size();
  }

  void run(void* const* in, void* const* out, const double* numbers) override {
    std::copy(in, in + program.inputs.size(), inputs.begin());
    std::copy(out, out + program.outputs.size(), outputs.begin());
    std::copy(numbers, numbers + program.scalars, scalars.begin());
    for (const Hazard& h : hazards) separate(h);
    const FlushDenormals here;
    if (!parallel) {
      bind(0);
      inTurn(stages, 1);
    } else if (!inParallel(program.threads, [](void* self, int thread) { ((Execution*)self)->work(thread); }, this)) {
      // Another worker_thread has the pool: the same parts one after the other, so that results are the same.
      for (int t = 0; t < program.threads; t++) bind(t);
      inTurn(stages, program.threads);
    }
  }

private:
  struct Ready {
    long samples, chunk;
    bool serial;
    int phases;
    std::vector<std::pair<std::unique_ptr<Runner>, Needs>> runners;
    std::vector<int> owners;
    std::vector<int> locals, partials;
    std::shared_ptr<Loop> loop;
    std::vector<Ready> inner; ///< the loop's stages
  };

  Program program;
  std::vector<Ready> stages;
  std::vector<Hazard> hazards;
  Needs most;
  bool parallel;
  Barrier barrier;
  Memory memory;
  std::vector<Worker> workers;
  std::vector<char*> locals, partials;
  std::vector<double> scalars;
  std::vector<void*> inputs, outputs;
  std::vector<long> inputBytes, outputBytes;
  std::vector<Memory> copies;

  void addStage(const Stage& s, std::vector<Ready>& into, const Loop* loop = nullptr) {
    Ready ready{s.samples, s.chunk, s.serial, 1, {}, s.owners, {}, {}, {}, {}};
    if (!s.kernels.empty() && s.kernels[0].loop) {
      ready.loop = s.kernels[0].loop;
      for (const Stage& inner : ready.loop->stages) {
        addStage(inner, ready.inner, ready.loop.get());
        if (s.serial && !inner.serial) throw BadProgram("a serial loop has a stage that is not");
      }
      for (Stage& inner : ready.loop->stages) inner.kernels.clear();
      into.push_back(std::move(ready));
      return;
    }
    for (size_t i = 0; i < s.kernels.size(); i++) {
      const Kernel& k = s.kernels[i];
      const int parts = s.serial || s.owners[i] >= 0 ? 1 : program.threads;
      Making making{program, hazards, s.samples, s.serial || program.threads == 1, parts, loop};
      for (int v : valuesOf(k)) {
        const Value& value = program.values[v];
        if (value.at != At::local) continue;
        if (s.samples == 0) throw BadProgram("a local value is used outside of a stage over samples");
        if (value.bytes() % s.samples) throw BadProgram("a local value does not divide into samples");
        if (value.place + value.bytes() / s.samples * std::min(s.chunk, s.samples) > program.local) throw BadProgram("a chunk of a local value does not fit the memory planned for it");
        ready.locals.push_back(v);
      }
      for (int v : partialsOf(k, program)) {
        if (s.owners[i] >= 0) throw BadProgram("a kernel that one thread does beside others cannot make a partial value");
        ready.partials.push_back(v);
      }
      std::unique_ptr<Runner> runner = runnerOf(k, making);
      const Needs needs = runner->needs();
      ready.phases = std::max(ready.phases, runner->phases());
      most.body = std::max(most.body, needs.body), most.finish = std::max(most.finish, needs.finish);
      most.kernel = std::max(most.kernel, needs.kernel);
      most.lasting += lines(needs.lasting);
      ready.runners.emplace_back(std::move(runner), needs);
    }
    into.push_back(std::move(ready));
  }

  void place(std::vector<Ready>& list, Worker& w, char*& lasting) {
    for (Ready& s : list) {
      for (auto& [runner, needs] : s.runners) {
        runner->place(w, lasting);
        lasting += lines(needs.lasting);
      }
      place(s.inner, w, lasting);
    }
  }

  /// An input that is the same memory as an output which is written before it has been read is copied first.
  void separate(const Hazard& h) {
    char *in = (char*)inputs[h.input], *out = (char*)outputs[h.output];
    const long bytes = inputBytes[h.input];
    if (in + bytes <= out || out + outputBytes[h.output] <= in) return;
    copies.resize(inputBytes.size());
    Memory& copy = copies[h.input];
    if (copy.size() == 0) copy.allocate((size_t)bytes + 64);
    memcpy(copy.data(), in, (size_t)bytes);
    inputs[h.input] = copy.data();
  }

  void bind(int thread) {
    Worker& w = workers[thread];
    const Value* values = program.values.data();
    for (size_t v = 0, n = program.values.size(); v < n; v++) {
      if (values[v].at == At::input) w.base[v] = (char*)inputs[values[v].place];
      else if (values[v].at == At::output) w.base[v] = (char*)outputs[values[v].place];
    }
  }

  void work(int thread) {
    bind(thread);
    together(stages, thread);
  }

  /// Takes one thread of several through stages.
  void together(std::vector<Ready>& list, int thread) {
    for (size_t i = 0; i < list.size(); i++) {
      Ready& s = list[i];
      // Serial stages in a row are thread 0's own business.
      if (i > 0 && !(s.serial && list[i - 1].serial)) barrier.wait();
      if (s.serial && thread > 0) continue;
      if (s.loop) {
        const bool opening = workers[thread].opening; // of a loop outside
        // Who asks whether to go on must see what the last step has answered.
        const bool meets = !(s.inner.front().serial && s.inner.back().serial) || (s.loop->going >= 0 && !s.serial);
        for (long n = 0; n < s.loop->steps; n++) {
          if (n > 0 && meets) barrier.wait();
          step(*s.loop, n, workers[thread]);
          if (ended(*s.loop, n, workers[thread])) break;
          together(s.inner, thread);
        }
        workers[thread].opening = opening;
      }
      for (int phase = 0; phase < s.phases; phase++) {
        if (phase > 0 && !s.serial) barrier.wait();
        runStage(s, thread, phase);
      }
    }
  }

  /// Runs all threads' parts on this one.
  void inTurn(std::vector<Ready>& list, int threads) {
    for (Ready& s : list) {
      if (s.loop) {
        const bool opening = workers[0].opening;
        for (long n = 0; n < s.loop->steps; n++) {
          for (int t = 0; t < threads; t++) step(*s.loop, n, workers[t]);
          if (ended(*s.loop, n, workers[0])) break;
          inTurn(s.inner, threads);
        }
        for (int t = 0; t < threads; t++) workers[t].opening = opening;
      }
      for (int phase = 0; phase < s.phases; phase++)
        for (int t = 0; t < (s.serial ? 1 : threads); t++) runStage(s, t, phase);
    }
  }

  /// Binds a loop's values for step n.
  void step(const Loop& loop, long n, Worker& w) {
    w.opening = n == 0;
    const long piece = loop.reverse ? loop.steps - 1 - n : n;
    for (const Bond& b : loop.same) w.base[b.inner] = w.base[b.outer];
    for (const auto* list : {&loop.reads, &loop.writes})
      for (const Bond& b : *list) w.base[b.inner] = w.base[b.outer] + piece * program.values[b.inner].bytes();
    for (const Carry& c : loop.carries) {
      w.base[c.before] = w.base[n == 0 ? c.start : n % 2 ? c.even : c.odd];
      w.base[c.after] = w.base[n % 2 ? c.odd : c.even];
    }
  }

  /// Whether nothing changes from step n on, and what there is lies where the last step would leave it.
  bool ended(const Loop& loop, long n, const Worker& w) const {
    if (loop.going < 0 || n == 0 || (loop.steps - n) % 2) return false;
    const int truths = loop.carries[loop.going].before;
    const char* at = w.base[truths];
    for (long i = 0; i < program.values[truths].length; i++)
      if (at[i]) return false;
    return true;
  }

  void runStage(Ready& s, int thread, int phase) {
    Worker& w = workers[thread];
    const int parts = s.serial ? 1 : program.threads;
    if (s.serial)
      for (int t = 1; t < program.threads; t++) clearPartials(s, t);
    if (s.samples == 0) {
      for (size_t i = 0; i < s.runners.size(); i++) {
        Runner& runner = *s.runners[i].first;
        const bool alone = s.owners[i] >= 0;
        if (phase >= runner.phases() || (alone && s.owners[i] != thread)) continue;
        // Kernels share scratch, so what a body has set up does not outlast the next kernel.
        if (phase == 0 || s.runners.size() > 1) runner.begin(w);
        runner.run(w, {0, 0, 0, true, alone ? 1 : parts, phase, alone || s.serial ? 0 : thread});
      }
      return;
    }
    const long from = s.samples * thread / parts, to = s.samples * (thread + 1) / parts;
    if (from == to) return clearPartials(s, thread);
    for (auto& [runner, needs] : s.runners) runner->begin(w);
    for (long at = from; at < to; at += s.chunk) {
      const Share share{s.samples, at, std::min(at + s.chunk, to), at == from, parts};
      for (int v : s.locals) {
        const Value& value = program.values[v];
        w.base[v] = locals[thread] + value.place - at * (value.bytes() / s.samples);
      }
      for (auto& [runner, needs] : s.runners) runner->run(w, share);
    }
  }

  /// A thread without samples has sums of nothing.
  void clearPartials(const Ready& s, int thread) {
    for (int v : s.partials) memset(partials[thread] + program.values[v].place, 0, (size_t)program.values[v].bytes());
  }
};

} // namespace cambium::CAMBIUM_ISA
