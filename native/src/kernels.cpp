// All kernels, compiled once for each instruction set: CAMBIUM_ISA names the set and the namespace.
#include "execute.hpp"

#define CAMBIUM_TEXT2(x) #x
#define CAMBIUM_TEXT(x) CAMBIUM_TEXT2(x)
#define CAMBIUM_JOIN2(a, b) a##b
#define CAMBIUM_JOIN(a, b) CAMBIUM_JOIN2(a, b)

/// The only name that is seen outside of this unit: templates of the standard library compiled for one instruction set
/// must not serve another.
extern "C" __attribute__((visibility("default"))) const cambium::Kernels CAMBIUM_JOIN(cambium_, CAMBIUM_ISA);
const cambium::Kernels CAMBIUM_JOIN(cambium_, CAMBIUM_ISA) = {
    CAMBIUM_TEXT(CAMBIUM_ISA),
    [](const cambium::Program& program) -> std::unique_ptr<cambium::Step> {
      return std::make_unique<cambium::CAMBIUM_ISA::Execution>(program);
    }};
