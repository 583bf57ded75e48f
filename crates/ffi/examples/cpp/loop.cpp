// A robot's loop in C++: a point in the plane is led to one target after the other.
//
//     loop [POLICY]

#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <thread>

#include "parapolicy.hpp"

using namespace std::chrono_literals;
using Vector = std::array<double, 2>;
using Clock = std::chrono::steady_clock;

constexpr auto PERIOD = 50ms;
constexpr int TICKS_AT_MOST = 2400;
constexpr double NEAR = 0.02;

// Where the point will be if it does what the policy plans now.
static Vector foreseen(const parapolicy::Policy &policy, Vector position, const Vector &target) {
  const auto plan = policy.sample({position[0], position[1], target[0], target[1]}, 0);
  for (std::size_t step = 0; step < policy.shape().horizon; ++step) {
    for (std::size_t axis = 0; axis < position.size(); ++axis) {
      position[axis] += plan[step * position.size() + axis] * std::chrono::duration<double>(PERIOD).count();
    }
  }
  return position;
}

static int run(const std::string &directory) {
  parapolicy::Options options;
  options.provider = "cpu"; // ONNX Runtime: this network is not one that the library runs itself

  const Vector still = {0.0, 0.0}, fastest = {0.8, 0.8}, slowest = {-0.8, -0.8};
  parapolicy::Config config;
  config.period_ns = std::chrono::nanoseconds(PERIOD).count();
  config.action_dim = still.size();
  config.initial = config.safe = still.data();
  config.min = slowest.data();
  config.max = fastest.data();
  // The numbers are velocities: what is limited is how fast they change, and how smoothly.
  const Vector change = {6.0, 6.0}, change_of_it = {120.0, 120.0}, and_of_that = {5e3, 5e3};
  config.interpolation = PARAPOLICY_INTERPOLATION_LINEAR;
  config.max_velocity = change.data();
  config.max_acceleration = change_of_it.data();
  config.max_jerk = and_of_that.data();

  const std::vector<Vector> targets = {{0.4, -0.3}, {-0.2, 0.1}};
  auto target = targets.begin();
  Vector position = {-0.6, 0.5};
  {
    const parapolicy::Policy policy(directory, options);
    const Vector there = foreseen(policy, position, *target);
    std::printf("the first plan leads to (%.3f, %.3f)\n", there[0], there[1]);
  }

  parapolicy::Controller controller(directory, options, config);
  const auto begun = Clock::now();
  for (int tick = 0; tick < TICKS_AT_MOST && target != targets.end(); ++tick) {
    std::this_thread::sleep_until(begun + tick * PERIOD);
    const auto time = Clock::now() - begun;
    controller.observe(std::array{position[0], position[1], (*target)[0], (*target)[1]}, time);
    Vector velocity{};
    const auto command = controller.command(time, velocity);
    for (std::size_t axis = 0; axis < position.size(); ++axis) {
      position[axis] += velocity[axis] * std::chrono::duration<double>(PERIOD).count();
    }
    if (tick % 10 == 0) {
      std::printf("%2d  at (%6.3f, %6.3f)  source %u\n", tick, position[0], position[1],
                  static_cast<unsigned>(command.source));
    }
    if (std::hypot((*target)[0] - position[0], (*target)[1] - position[1]) < NEAR) {
      ++target;
    }
    while (const auto event = controller.event()) {
      std::fprintf(stderr, "%s\n", event->message);
    }
  }
  controller.stop(5s);
  const auto health = controller.health();
  std::printf("%zu of %zu targets; %lu plans, p50 %.2f ms\n", static_cast<std::size_t>(target - targets.begin()),
              targets.size(), static_cast<unsigned long>(health.plans), health.latency_p50_ms);
  return target == targets.end() && health.failures == 0 ? 0 : 1;
}

int main(int count, char **arguments) {
  try {
    return run(count > 1 ? arguments[1] : "crates/ffi/examples/point");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
