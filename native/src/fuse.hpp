// A body's instructions, simplified: aliases resolved, pairs fused into one, what nobody needs dropped.
#pragma once
#include "program.hpp"

namespace cambium::CAMBIUM_ISA {

struct Node {
  std::string op;
  std::vector<int> args;
  const Instruction* source;
  bool live = false;
  std::vector<int> also = {}; ///< nodes whose registers this one makes as its further results
  bool made = false;          ///< by another node

  bool isFold() const { return op == "sum" || op == "max" || op == "min" || op == "prod" || op == "argMax" || op == "argMin"; }
  Fold fold() const {
    return op == "sum" ? Fold::sum : op == "max" ? Fold::max : op == "min" ? Fold::min : op == "prod" ? Fold::prod : op == "argMax" ? Fold::argMax : Fold::argMin;
  }
};

class Formula {
public:
  std::vector<Node> nodes;

  Formula() = default;
  explicit Formula(const Body& body) : body(&body), first(body.given + (int)body.loads.size()) {
    for (const Instruction& i : body.code) nodes.push_back({i.op, i.args, &i});
  }

  /// The register that stands for this one.
  int resolve(int index) const {
    while (index >= first && nodes[index - first].op == "same") index = nodes[index - first].args[0];
    return index;
  }

  void simplify() {
    for (Node& node : nodes) {
      for (int& arg : node.args) arg = resolve(arg);
      if (node.op == "cast") cast(node);
      else if (node.op == "pow" && node.args.size() == 2) pow(node);
    }
    mark();
    for (Node& node : nodes)
      if (node.live && node.op == "rmsStep" && node.args.size() == 5) adam(node);
    for (Node& node : nodes)
      if (node.live && node.args.size() == 2) fuse(node);
    mark();
  }

private:
  const Body* body = nullptr;
  int first = 0;
  std::vector<int> uses;

  Node* node(int index) { return index >= first ? &nodes[index - first] : nullptr; }

  void cast(Node& n) {
    switch (n.source->dtype) {
      case DType::float32: n.op = body->wide ? "castFloat" : "same"; break;
      case DType::float64: n.op = "same"; break;
      case DType::int32: n.op = "castInt"; break;
      case DType::uint8: n.op = "castByte"; break;
      case DType::boolean: n.op = "castBool"; break;
      case DType::float16: n.op = "castHalf"; break;
      case DType::bfloat16: n.op = "castBrain"; break;
      case DType::int64: n.op = "castLong"; break;
      case DType::int8: n.op = "castSignedByte"; break;
    }
  }

  void pow(Node& n) {
    Node* exponent = node(n.args[1]);
    if (!exponent || exponent->op != "number") return;
    double e = exponent->source->number;
    const char* simpler = e == 2 ? "square" : e == -1 ? "reciprocal" : e == 1 ? "same" : nullptr;
    if (simpler) n.op = simpler, n.args.pop_back();
  }

  /// Finds what is needed for the stores, and how often.
  void mark() {
    uses.assign(first + nodes.size(), 0);
    for (Node& n : nodes) n.live = false;
    auto need = [&](int index) {
      uses[index]++;
      if (index >= first) nodes[index - first].live = true;
    };
    for (const Store& s : body->stores) need(resolve(s.from));
    for (size_t i = nodes.size(); i-- > 0;)
      if (nodes[i].live)
        for (int arg : nodes[i].args) need(arg);
  }

  /// Both moments and the step in one instruction, when nothing else needs the moments but to store them.
  void adam(Node& step) {
    Node *m = node(step.args[1]), *v = node(step.args[2]);
    if (!m || !v || m == v || m->op != "lerp" || v->op != "lerp" || usesInCode(step.args[1]) != 1 || usesInCode(step.args[2]) != 1) return;
    Node* square = node(v->args[1]);
    const int g = m->args[1];
    if (!square || square->op != "square" || square->args[0] != g) return;
    step.op = "adamStep";
    step.also = {step.args[1] - first, step.args[2] - first};
    step.args = {step.args[0], m->args[0], v->args[0], g, m->args[2], v->args[2], step.args[3], step.args[4]};
    m->made = v->made = true;
    m->args.clear(), v->args.clear();
  }

  int usesInCode(int index) const {
    int n = 0;
    for (const Node& user : nodes)
      if (user.live)
        for (int arg : user.args) n += arg == index;
    return n;
  }

  /// A product of two that only `user` needs.
  Node* product(int index) {
    Node* n = node(index);
    return n && uses[index] == 1 && (n->op == "mul" || n->op == "square") ? n : nullptr;
  }

  void fuse(Node& n) {
    auto merged = [&](Node* p, const char* op, int other) {
      if (!p || n.args[0] == n.args[1]) return false;
      int a = p->args[0], b = p->op == "square" ? a : p->args[1];
      n.op = op;
      n.args = {a, b, other};
      p->live = false;
      return true;
    };
    int a = n.args[0], b = n.args[1];
    if (n.op == "add") merged(product(a), "mulAdd", b) || merged(product(b), "mulAdd", a);
    else if (n.op == "sub") merged(product(a), "mulSub", b) || merged(product(b), "subMul", a);
  }
};

} // namespace cambium::CAMBIUM_ISA
