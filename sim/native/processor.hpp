// The same code compiled twice: for the baseline of the architecture, and with AVX2 where the processor has it. Both
// are free of fused multiply-add and keep the order of sums, so they give the same bits; one is sooner done.
#pragma once

#include <cstdlib>

#define PADDOCK_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__) && !defined(PADDOCK_NO_AVX2)
#define PADDOCK_AVX2 __attribute__((target("avx2")))
#endif

namespace paddock {

// Asked once, when the module is loaded. PADDOCK_WITHOUT_AVX2 in the environment (any value) makes it false, so that a
// test can run the baseline on a machine that has more: glibc's tunables do not reach the compiler's own detection.
#ifdef PADDOCK_AVX2
inline const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0 && std::getenv("PADDOCK_WITHOUT_AVX2") == nullptr;
#else
inline const bool kHasAvx2 = false;
#endif

}  // namespace paddock
