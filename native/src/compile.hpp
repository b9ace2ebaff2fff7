// Makes a body ready for the block interpreter: merges axes, finds out which registers are the same along a row or
// everywhere, fuses instructions, and gives registers to blocks.
#pragma once
#include "body.hpp"
#include "fuse.hpp"
#include "hazard.hpp"
#include <algorithm>

namespace cambium::CAMBIUM_ISA {

struct CompileOptions {
  std::vector<int> groups; ///< only axes of one group are merged; empty: all are one group
  bool keepLast = false;   ///< the last axis becomes the columns, whatever its size
  bool handsOn = false;    ///< the one store names the register to hand on
  bool adds = false;       ///< the results may be added to what is there
};

template <class T>
class Compiler {
public:
  Compiler(const Body& body, const Dims& dims, const Program& program, const CompileOptions& options, std::vector<Hazard>& hazards)
      : body(body), program(program), hazards(hazards) {
    if (body.given > 2) throw BadProgram("a body is given at most two registers");
    formula = Formula(body);
    formula.simplify();
    mergeSpace(dims, options);
    classify();
    countUses();
    adds = options.adds;
    emit(options.handsOn);
    finishSlots();
  }

  Code<T> take() { return std::move(code); }

private:
  using Slot = typename Code<T>::Slot;
  enum Shape { one, row, full };
  struct Register {
    Shape shape = full;
    int slot = -1, wideSlot = -1, spreadSlot = -1;
    int lastUse = -1;
    bool direct = false;
    Reach reach; ///< of a load
  };
  struct Pending {
    Reach reach;
    int from;
    bool done = false;
  };

  const Body& body;
  const Program& program;
  std::vector<Hazard>& hazards;
  Formula formula;
  Code<T> code;
  std::vector<Register> registers;
  std::vector<Reach> reachOfNode;
  std::vector<Pending> stores;
  std::vector<int> freeBlocks, freeRows, freeWides;
  int firstNode = 0;
  bool adds = false;

  Reach reach(const View& view) {
    Reach r;
    r.offset = view.offset, r.strides = view.strides, r.value = view.value;
    if (view.value >= 0) {
      const Value& v = program.values[view.value];
      r.at = v.at;
      r.dtype = v.at == At::scalar ? DType::float64 : v.dtype;
    }
    return r;
  }

  void mergeSpace(const Dims& dims, const CompileOptions& options) {
    firstNode = body.given + (int)body.loads.size();
    registers.resize(firstNode + formula.nodes.size());
    reachOfNode.resize(formula.nodes.size());
    for (size_t i = 0; i < body.loads.size(); i++) registers[body.given + i].reach = reach(body.loads[i]);
    for (const Store& s : body.stores) stores.push_back({reach(s), formula.resolve(s.from)});
    std::vector<Access*> users;
    for (size_t i = 0; i < body.loads.size(); i++) users.push_back(&registers[body.given + i].reach);
    for (size_t i = 0; i < formula.nodes.size(); i++) {
      const Node& node = formula.nodes[i];
      Reach& r = reachOfNode[i];
      if (node.op == "index") {
        r.strides.assign(dims.size(), 0);
        if (!dims.empty()) r.strides[node.source->axis] = 1;
      } else if (node.op == "random" || node.op == "uniform") {
        r.offset = node.source->offset, r.strides = node.source->strides;
        if (r.strides.empty()) {
          r.strides.assign(dims.size(), 1);
          for (size_t d = dims.size(); d-- > 1;) r.strides[d - 1] = r.strides[d] * dims[d];
        }
      } else continue;
      users.push_back(&r);
    }
    for (Pending& s : stores)
      if (s.reach.value >= 0) users.push_back(&s.reach);
    for (const Node& node : formula.nodes) code.folds |= node.isFold();
    std::vector<int> groups = options.groups.empty() ? std::vector<int>(dims.size(), 0) : options.groups;
    if (code.folds && !groups.empty()) groups.back() = 1 << 20;
    code.space.merge(dims, groups, options.keepLast || code.folds, users);
    code.given = body.given;
  }

  Shape shapeOf(const Access& a) const {
    bool rows = false;
    for (long s : a.strides) rows |= s != 0;
    if (!rows && a.col == 0) return one;
    return a.col == 0 && (code.space.cols > 1 || code.folds) ? row : full;
  }

  void classify() {
    for (int i = 0; i < (int)registers.size(); i++) {
      Register& r = registers[i];
      if (i < body.given) r.shape = full;
      else if (i < firstNode) {
        r.shape = shapeOf(r.reach);
        r.direct = r.shape == full && r.reach.dtype == dtypeOf<T> && (r.reach.at != At::partial || program.threads == 1) &&
                   (code.space.cols > 1 ? r.reach.col == 1 : r.reach.row == 1);
      } else {
        const Node& node = formula.nodes[i - firstNode];
        if (node.op == "number") r.shape = one;
        else if (node.op == "index") r.shape = shapeOf(reachOfNode[i - firstNode]);
        else if (node.op == "random" || node.op == "uniform") r.shape = full;
        else if (node.isFold()) r.shape = row;
        else {
          r.shape = one;
          for (int arg : node.args) r.shape = std::max(r.shape, registers[arg].shape);
        }
      }
    }
    if (code.space.cols == 1) {
      for (Register& r : registers) r.reach.col = 1;
      for (Reach& r : reachOfNode) r.col = 1;
      for (Pending& s : stores) s.reach.col = 1;
    }
  }

  void countUses() {
    const int count = (int)formula.nodes.size();
    for (int i = 0; i < count; i++)
      if (formula.nodes[i].live)
        for (int arg : formula.nodes[i].args) registers[arg].lastUse = i;
    for (size_t k = 0; k < stores.size(); k++) {
      Register& r = registers[stores[k].from];
      r.lastUse = count + (int)k;
      // A number loaded and stored as it is must be read before another store can overwrite it.
      if (stores.size() > 1) r.direct = false;
    }
  }

  int newSlot(typename Slot::Kind kind) {
    code.slots.push_back({kind, 0});
    int slot = (int)code.slots.size() - 1;
    if (kind == Slot::block) code.blocks.push_back(slot);
    return slot;
  }
  int takeSlot(typename Slot::Kind kind, std::vector<int>& unused) {
    if (unused.empty()) return newSlot(kind);
    int slot = unused.back();
    unused.pop_back();
    return slot;
  }
  int takeBlock() { return takeSlot(Slot::block, freeBlocks); }
  int takeRow() { return takeSlot(Slot::perRow, freeRows); }

  void act(typename Action<T>::Kind kind, int to, int from = 0, int access = -1) {
    Action<T> a;
    a.kind = kind;
    a.refs[0] = to, a.refs[1] = from;
    a.access = access;
    code.actions.push_back(a);
  }

  int addReach(const Reach& r) {
    code.reaches.push_back(r);
    return (int)code.reaches.size() - 1;
  }

  /// The slot that holds a register in its own shape.
  int slotOf(int index) {
    Register& r = registers[index];
    if (r.slot >= 0) return r.slot;
    if (index >= firstNode) throw BadProgram("a register is used before it is made");
    if (r.shape == one) {
      r.slot = newSlot(Slot::same);
      code.sames.push_back({r.slot, r.reach});
    } else if (r.direct) {
      r.slot = newSlot(Slot::outside);
      code.moving.push_back({r.slot, r.reach, true});
    } else if (r.shape == row) {
      r.slot = takeRow();
      act(Action<T>::fetchRow, r.slot, 0, addReach(r.reach));
    } else {
      r.slot = takeBlock();
      act(Action<T>::fetch, r.slot, 0, addReach(r.reach));
    }
    return r.slot;
  }

  /// A slot that can be read at every position.
  int fullSlotOf(int index) {
    Register& r = registers[index];
    int slot = slotOf(index);
    if (r.shape != row) return slot;
    if (r.wideSlot < 0) {
      r.wideSlot = takeSlot(Slot::wide, freeWides);
      act(Action<T>::widen, r.wideSlot, slot);
    }
    return r.wideSlot;
  }

  /// A slot with all numbers written out.
  int spreadSlotOf(int index) {
    Register& r = registers[index];
    int slot = fullSlotOf(index);
    if (r.shape == full) return slot;
    if (r.spreadSlot < 0) {
      r.spreadSlot = takeBlock();
      act(Action<T>::full, r.spreadSlot, slot);
      code.actions.back().apply = find<T>("copy")->apply;
    }
    return r.spreadSlot;
  }

  void release(int index, int position) {
    Register& r = registers[index];
    if (r.lastUse != position) return;
    r.lastUse = -2;
    auto give = [&](int slot) {
      if (slot < 0) return;
      auto kind = code.slots[slot].kind;
      if (kind == Slot::block) freeBlocks.push_back(slot);
      if (kind == Slot::perRow) freeRows.push_back(slot);
      if (kind == Slot::wide) freeWides.push_back(slot);
    };
    give(r.slot), give(r.wideSlot), give(r.spreadSlot);
  }

  /// Whether a store at `position` may overwrite what a load reads later.
  bool clashes(const Reach& store, int position) {
    std::vector<Hazard> found;
    for (int i = body.given; i < firstNode; i++) {
      const Register& r = registers[i];
      if (r.lastUse <= position || r.shape == one) continue;
      if (overwrites(program, store.value, r.reach.value, found)) return true;
    }
    hazards.insert(hazards.end(), found.begin(), found.end());
    return false;
  }

  /// Lets the instruction write into a value itself, where it can.
  int storedInPlace(int index, int position) {
    if (adds) return -1;
    for (Pending& s : stores) {
      if (s.from != index || s.done || s.reach.value < 0 || s.reach.dtype != dtypeOf<T> || s.reach.col != 1) continue;
      if (s.reach.at == At::partial || (code.space.cols == 1 && s.reach.row != 1)) continue;
      if (clashes(s.reach, position)) continue;
      s.done = true;
      int slot = newSlot(Slot::outside);
      code.moving.push_back({slot, s.reach, false});
      return slot;
    }
    return -1;
  }

  /// Whether one number a row is stored, and not each number of a row.
  bool once(const Pending& s) const { return registers[s.from].shape == row && (s.reach.col == 0 || code.space.cols == 1); }

  void emit(bool handsOn) {
    for (int i = 0; i < body.given; i++) registers[i].slot = newSlot(Slot::outside);
    const int count = (int)formula.nodes.size();
    for (int i = 0; i < count; i++)
      if (formula.nodes[i].live && !formula.nodes[i].made) emitNode(i);
    if (handsOn) {
      code.result = spreadSlotOf(stores[0].from);
      return;
    }
    std::vector<int> slots;
    for (Pending& s : stores) {
      slots.push_back(s.done ? -1 : once(s) ? slotOf(s.from) : fullSlotOf(s.from));
    }
    for (size_t k = 0; k < stores.size(); k++) {
      if (stores[k].done) continue;
      (void)clashes(stores[k].reach, count + (int)k);
      act(Action<T>::store, 0, slots[k], addReach(stores[k].reach));
      code.actions.back().perRow = once(stores[k]);
    }
  }

  void emitNode(int i) {
    const Node& node = formula.nodes[i];
    const int index = firstNode + i;
    Register& r = registers[index];
    if (node.op == "number") {
      r.slot = newSlot(Slot::same);
      code.numbers.push_back({r.slot, node.source->number});
      return;
    }
    if (node.op == "index") return emitIndex(i);
    if (node.op == "random" || node.op == "uniform") return emitRandom(i);
    Action<T> a;
    if (node.isFold()) {
      a.kind = Action<T>::fold;
      a.op = node.fold();
      a.refs[1] = spreadSlotOf(node.args[0]);
      release(node.args[0], i);
      a.refs[0] = r.slot = takeRow();
      code.actions.push_back(a);
      return;
    }
    const Entry<T>* entry = find<T>(node.op);
    if (!entry) throw BadProgram("the native engine has no op called " + node.op);
    if (entry->arity != (int)node.args.size())
      throw BadProgram(node.op + " takes " + std::to_string(entry->arity) + " arguments, got " + std::to_string(node.args.size()));
    a.kind = r.shape == full ? Action<T>::full : Action<T>::row;
    a.apply = entry->apply;
    std::vector<int> results{index};
    for (int also : node.also) results.push_back(firstNode + also), registers[firstNode + also].shape = r.shape;
    const int outs = (int)results.size();
    for (int k = 0; k < entry->arity; k++) a.refs[outs + k] = r.shape == full ? fullSlotOf(node.args[k]) : slotOf(node.args[k]);
    // With several results, none may take the place of an argument that is still to be read.
    if (outs == 1)
      for (int arg : node.args) release(arg, i);
    for (int k = 0; k < outs; k++) {
      int& slot = registers[results[k]].slot;
      slot = r.shape == full ? storedInPlace(results[k], i) : r.shape == row ? takeRow() : newSlot(Slot::same);
      if (slot < 0) slot = takeBlock();
      a.refs[k] = slot;
    }
    if (outs > 1)
      for (int arg : node.args) release(arg, i);
    (r.shape == one ? code.early : code.actions).push_back(a);
  }

  void emitIndex(int i) {
    Register& r = registers[firstNode + i];
    if (r.shape == one) {
      r.slot = newSlot(Slot::same);
      code.numbers.push_back({r.slot, 0});
      return;
    }
    r.slot = r.shape == row ? takeRow() : takeBlock();
    act(Action<T>::index, r.slot, 0, addReach(reachOfNode[i]));
    code.actions.back().perRow = r.shape == row;
  }

  void emitRandom(int i) {
    const Node& node = formula.nodes[i];
    if (node.args.size() != 2) throw BadProgram(node.op + " takes a seed and a stream");
    int key = (int)code.keys.size() / 2;
    for (int arg : node.args) {
      const Register& from = registers[arg];
      bool number = arg >= firstNode && formula.nodes[arg - firstNode].op == "number";
      bool load = arg >= body.given && arg < firstNode && from.shape == one;
      if (!number && !load) throw BadProgram(node.op + ": the seed and the stream must be single numbers, not calculated ones");
      code.keys.push_back({number, number ? formula.nodes[arg - firstNode].source->number : 0, from.reach});
    }
    Register& r = registers[firstNode + i];
    r.slot = takeBlock();
    act(Action<T>::random, r.slot, 0, addReach(reachOfNode[i]));
    code.actions.back().key = key;
    code.actions.back().uniform = node.op == "uniform";
  }

  void finishSlots() {
    constexpr long lane = Lane<T>::n;
    bool wide = false;
    for (const Slot& s : code.slots) wide |= s.kind == Slot::wide;
    code.tallest = wide ? 64 : blockSize;
    auto even = [](long n) { return (n + lane - 1) / lane * lane; };
    // Of numbers that lie across, a cache line should give all it holds to one block.
    for (const Action<T>& a : code.actions)
      if (a.kind == Action<T>::fetch && std::abs(code.reaches[a.access].row) < std::abs(code.reaches[a.access].col) && code.space.rows > 1) code.widest = 32;
    code.dense = body.given > 0 && code.space.cols % lane != 0 && code.space.cols < 2 * lane;
    for (const Moving& m : code.moving) code.dense &= m.access.row == code.space.cols;
    if (code.dense) code.scratchSize = body.given * (blockSize + lane);
    const long block = even(code.folds ? std::max(blockSize, code.space.cols) : blockSize) + lane;
    for (Slot& s : code.slots) {
      if (s.kind == Slot::outside) continue;
      long& end = s.kind == Slot::same ? code.lastingSize : code.scratchSize;
      s.place = end;
      end += s.kind == Slot::block ? block : s.kind == Slot::perRow ? even(code.tallest) : s.kind == Slot::wide ? code.tallest * lane : lane;
    }
    code.threads.resize(program.threads);
  }
};

template <class T>
Code<T> compile(const Body& body, const Dims& dims, const Program& program, const CompileOptions& options, std::vector<Hazard>& hazards) {
  return Compiler<T>(body, dims, program, options, hazards).take();
}

} // namespace cambium::CAMBIUM_ISA
