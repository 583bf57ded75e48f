// Real-time chunking in C++, with limits and checked plans: a policy plans 20 times a second, the robot takes a command every
// millisecond, and neither waits for the other.
//
//     chunking [POLICY]
//
// The robot is a point in the plane, its commands are velocities, and the policy would move it at 1 where 0.8 is allowed.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <thread>

#include "parapolicy.hpp"

using namespace std::chrono_literals;
using Vector = std::array<double, 2>;
using Clock = std::chrono::steady_clock;

constexpr auto CYCLE = 1ms, PERIOD = 50ms;
constexpr int CYCLES_A_PERIOD = PERIOD / CYCLE, CYCLES_AT_MOST = 60000;
constexpr double NEAR = 0.02, FASTEST = 0.8, CHANGE = 6.0;

static int run(const std::string &directory) {
  const Vector still = {0.0, 0.0}, fastest = {FASTEST, FASTEST}, slowest = {-FASTEST, -FASTEST};
  const Vector change = {CHANGE, CHANGE}, change_of_it = {120.0, 120.0}, and_of_that = {5e3, 5e3};

  parapolicy::Options options;
  options.provider = "cpu"; // ONNX Runtime: this network is not one that the library runs itself

  parapolicy::Config config;
  config.period_ns = std::chrono::nanoseconds(PERIOD).count();
  config.replan = PARAPOLICY_REPLAN_EVERY;
  config.replan_count = 2;
  config.late = PARAPOLICY_LATE_FINISH;
  config.action_dim = still.size();
  config.initial = config.safe = still.data();
  // A plan begins with what will have been sent when it is there, and is there when the one before it runs out.
  config.continuity = PARAPOLICY_CONTINUITY_EXPONENTIAL;
  config.deadline_quantile = 0.95;
  // A plan that asks for more is refined, for 20 ms at most; one that still does ends before it.
  config.plan_min = slowest.data();
  config.plan_max = fastest.data();
  config.plan_refine_ns = std::chrono::nanoseconds(20ms).count();
  config.plan_failing = PARAPOLICY_FAILING_CUT;
  // What lies between two actions, and what no command exceeds.
  config.interpolation = PARAPOLICY_INTERPOLATION_CUBIC;
  config.min = slowest.data();
  config.max = fastest.data();
  config.cycle_ns = std::chrono::nanoseconds(CYCLE).count();
  config.max_velocity = change.data();
  config.max_acceleration = change_of_it.data();
  config.max_jerk = and_of_that.data();

  parapolicy::Controller controller(directory, options, config);
  const Vector target = {0.4, -0.3};
  Vector position = {-0.6, 0.5}, last = still;
  double most = 0.0;
  int refined = 0;
  const auto is_there = [&] { return std::hypot(target[0] - position[0], target[1] - position[1]) <= NEAR; };

  const auto begun = Clock::now();
  for (int cycle = 0; cycle < CYCLES_AT_MOST && !is_there(); ++cycle) {
    std::this_thread::sleep_until(begun + cycle * CYCLE);
    const auto time = Clock::now() - begun;
    if (cycle % CYCLES_A_PERIOD == 0) {
      controller.observe(std::array{position[0], position[1], target[0], target[1]}, time);
    }
    Vector velocity{};
    controller.command(time, velocity);
    const double seconds = std::chrono::duration<double>(CYCLE).count();
    for (std::size_t axis = 0; axis < velocity.size(); ++axis) {
      most = std::max({most, std::abs(velocity[axis]) / FASTEST, std::abs(velocity[axis] - last[axis]) / (CHANGE * seconds)});
      position[axis] += velocity[axis] * seconds;
    }
    last = velocity;
    while (const auto event = controller.event()) {
      refined += event->kind == PARAPOLICY_EVENT_KIND_REFINED;
      std::printf("%5.2f s  %s\n", std::chrono::duration<double>(time).count(), event->message);
    }
  }
  controller.stop(5s);
  std::printf("at (%.3f, %.3f) after %lu plans, %d refined; commands use %.0f %% of their limits\n", position[0], position[1],
              static_cast<unsigned long>(controller.health().plans), refined, 100.0 * most);
  return is_there() && most <= 1.0 + 1e-6 ? 0 : 1;
}

int main(int count, char **arguments) {
  try {
    return run(count > 1 ? arguments[1] : "crates/ffi/examples/point");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
