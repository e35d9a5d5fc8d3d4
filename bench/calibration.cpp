// What the processor gives at this moment: its clock from a chain of multiplications, its fp32 peak from
// independent fused multiply-adds. Compiled by bench/calibration.py for the machine it runs on.
#include <chrono>
#include <cstdint>

namespace {
double now_ns() {
  using namespace std::chrono;
  return static_cast<double>(duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count());
}
volatile std::uint64_t kept;
volatile float kept_float;
}  // namespace

// Each 64-bit multiplication waits for the one before: 3 cycles on x86 of the last ten years.
extern "C" double clock_ghz(double seconds) {
  constexpr int kChain = 100000;
  const double start = now_ns();
  double end = start;
  double done = 0;
  std::uint64_t value = 3;
  while (end - start < seconds * 1e9) {
    for (int i = 0; i < kChain; ++i) {
      value *= 0x9E3779B97F4A7C15ull;
      asm volatile("" : "+r"(value));
    }
    done += kChain;
    end = now_ns();
  }
  kept = value;
  return 3.0 * done / (end - start);
}

extern "C" double fma_gflops(double seconds) {
  typedef float Lanes __attribute__((vector_size(32)));
  constexpr int kRound = 20000;
  constexpr int kWide = 12;
  Lanes sums[kWide];
  for (int i = 0; i < kWide; ++i) sums[i] = Lanes{} + 0.1f * static_cast<float>(i);
  const Lanes factor = Lanes{} + 0.999f;
  const Lanes more = Lanes{} + 0.001f;
  const double start = now_ns();
  double end = start;
  double done = 0;
  while (end - start < seconds * 1e9) {
    for (int i = 0; i < kRound; ++i) {
#pragma GCC unroll 12
      for (int k = 0; k < kWide; ++k) sums[k] = sums[k] * factor + more;
    }
    done += 2.0 * 8.0 * kWide * kRound;
    end = now_ns();
  }
  float total = 0;
  for (int i = 0; i < kWide; ++i) total += sums[i][0];
  kept_float = total;
  return done / (end - start);
}
