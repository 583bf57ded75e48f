// Parapolicy for C++17: the functions of parapolicy.h, with handles that free themselves and exceptions for failures.
//
// The rules of parapolicy.h for threads hold here, too.

#ifndef PARAPOLICY_HPP
#define PARAPOLICY_HPP

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "parapolicy.h"

namespace parapolicy {

// A call that failed.
class Error : public std::runtime_error {
 public:
  explicit Error(parapolicy_status status) : std::runtime_error(parapolicy_last_error()), status(status) {}

  const parapolicy_status status;
};

inline void must(parapolicy_status status) {
  if (status != PARAPOLICY_STATUS_OK) {
    throw Error(status);
  }
}

// How plans are drawn: the defaults, to be changed.
struct Options : parapolicy_options {
  Options() { must(parapolicy_options_default(this, sizeof(parapolicy_options))); }
};

// What a controller is for: the defaults, to be changed; `action_dim` and `initial` have to be set.
struct Config : parapolicy_config {
  Config() { must(parapolicy_config_default(this, sizeof(parapolicy_config))); }
};

// Plans that are asked for: the defaults, to be changed; what it points to has to outlive the call. `Policy::draw` sets where
// the plans go.
struct Drawing : parapolicy_drawing {
  Drawing() { must(parapolicy_drawing_default(this, sizeof(parapolicy_drawing))); }
};

// Plans that were drawn, [plans][horizon][action_dim], and what each of them took.
struct Drawn {
  std::vector<double> actions;
  std::vector<parapolicy_cost> costs;
};

// The plan that commands come from: its actions, [plan.len][action_dim], and what is known of it.
struct InForce {
  std::vector<double> actions;
  parapolicy_plan plan{};
};

// What a policy's numbers are called, and observations put together by these names.
class Entries {
 public:
  explicit Entries(const std::string &directory) {
    parapolicy_entries *handle = nullptr;
    must(parapolicy_entries_load(directory.c_str(), &handle));
    handle_.reset(handle);
  }

  std::vector<parapolicy_entry> observation() const { return all(parapolicy_entries_observation); }
  std::vector<parapolicy_entry> action() const { return all(parapolicy_entries_action); }

  // Puts the numbers of an entry where they belong in an observation.
  template <typename Numbers, typename Observation>
  void set(const std::string &name, const Numbers &values, Observation &observation) const {
    must(parapolicy_entries_set(handle_.get(), name.c_str(), values.data(), values.size(), observation.data(),
                                observation.size()));
  }

  template <typename Observation>
  void set(const std::string &name, const parapolicy_image &image, Observation &observation) const {
    must(parapolicy_entries_set_image(handle_.get(), name.c_str(), &image, observation.data(), observation.size()));
  }

 private:
  template <typename Function>
  std::vector<parapolicy_entry> all(Function function) const {
    std::vector<parapolicy_entry> entries;
    for (;;) {
      parapolicy_entry entry{};
      must(function(handle_.get(), entries.size(), &entry, sizeof entry));
      if (entry.name == nullptr) {
        return entries;
      }
      entries.push_back(entry);
    }
  }

  struct Free {
    void operator()(parapolicy_entries *handle) const { parapolicy_entries_free(handle); }
  };
  std::unique_ptr<parapolicy_entries, Free> handle_;
};

// A policy that is asked for plans.
class Policy {
 public:
  explicit Policy(const std::string &directory, const Options &options = {}) {
    parapolicy_policy *handle = nullptr;
    must(parapolicy_policy_load(directory.c_str(), &options, &handle));
    handle_.reset(handle);
    must(parapolicy_policy_shape(handle, &shape_));
  }

  const parapolicy_shape &shape() const { return shape_; }

  // A plan, [horizon][action_dim], for observations [n_obs_steps][observation_dim].
  std::vector<double> sample(const std::vector<double> &observations, std::uint64_t seed) const {
    std::vector<double> plan(shape_.horizon * shape_.action_dim);
    must(parapolicy_policy_sample(handle_.get(), observations.data(), observations.size(), seed, plan.data(),
                                  plan.size()));
    return plan;
  }

  // Plans with given noise, several at once, and what they took.
  Drawn draw(Drawing drawing) const {
    // What is too many is refused by the library, which reads the length first.
    const std::size_t plans = drawing.observations_len / (shape_.n_obs_steps * shape_.observation_dim);
    Drawn drawn{std::vector<double>(plans * shape_.horizon * shape_.action_dim), std::vector<parapolicy_cost>(plans)};
    drawing.actions = drawn.actions.data();
    drawing.actions_len = drawn.actions.size();
    drawing.costs = drawn.costs.data();
    must(parapolicy_policy_draw(handle_.get(), &drawing));
    return drawn;
  }

 private:
  struct Free {
    void operator()(parapolicy_policy *handle) const { parapolicy_policy_free(handle); }
  };
  std::unique_ptr<parapolicy_policy, Free> handle_;
  parapolicy_shape shape_{};
};

// A policy in a robot's loop. Moves, but does not copy; ends its worker where it goes out of scope.
class Controller {
 public:
  using Time = std::chrono::nanoseconds;

  Controller(const std::string &directory, const Options &options, const Config &config) {
    parapolicy_controller *handle = nullptr;
    must(parapolicy_controller_start(directory.c_str(), &options, &config, &handle));
    handle_.reset(handle);
    must(parapolicy_controller_shape(handle, &shape_));
  }

  const parapolicy_shape &shape() const { return shape_; }

  void reset(std::uint64_t seed) { must(parapolicy_controller_reset(handle_.get(), seed)); }

  // Where the robot stands before an episode: what is sent until the first plan.
  template <typename Numbers>
  void rest_at(const Numbers &action) {
    must(parapolicy_controller_rest_at(handle_.get(), action.data(), action.size()));
  }

  // `Numbers` is an array, a vector, a span: whatever has data() and size().
  template <typename Numbers>
  void observe(const Numbers &observation, Time time) {
    must(parapolicy_controller_observe(handle_.get(), observation.data(), observation.size(), nanoseconds(time)));
  }

  // The numbers of an entry as they were at `time`, for the control steps from then on.
  template <typename Numbers>
  void observe_entry(const std::string &name, const Numbers &values, Time time) {
    must(parapolicy_controller_observe_entry(handle_.get(), name.c_str(), values.data(), values.size(),
                                             nanoseconds(time)));
  }

  void observe_entry(const std::string &name, const parapolicy_image &image, Time time) {
    must(parapolicy_controller_observe_image(handle_.get(), name.c_str(), &image, nanoseconds(time)));
  }

  // The observation of a control step, of each entry the newest at or before it; whether all of them are there.
  bool observe_entries(Time time) {
    std::uint32_t observed = 0;
    must(parapolicy_controller_observe_entries(handle_.get(), nanoseconds(time), &observed));
    return observed != 0;
  }

  template <typename Numbers>
  parapolicy_command command(Time time, Numbers &action) {
    parapolicy_command command{};
    must(parapolicy_controller_command(handle_.get(), nanoseconds(time), action.data(), action.size(), &command));
    return command;
  }

  // The plan that commands come from; none before the first. Unlike the call in C it allocates.
  std::optional<InForce> plan() {
    InForce found{std::vector<double>(shape_.horizon * shape_.action_dim), {}};
    must(parapolicy_controller_plan(handle_.get(), found.actions.data(), found.actions.size(), &found.plan,
                                    sizeof found.plan));
    if (found.plan.len == 0) {
      return std::nullopt;
    }
    found.actions.resize(found.plan.len * shape_.action_dim);
    return found;
  }

  // The oldest event that was not fetched yet, if there is one.
  std::optional<parapolicy_event> event() {
    parapolicy_event event{};
    must(parapolicy_controller_event(handle_.get(), &event));
    return event.kind == PARAPOLICY_EVENT_KIND_NONE ? std::nullopt : std::optional(event);
  }

  parapolicy_troubles troubles() const {
    parapolicy_troubles troubles{};
    must(parapolicy_controller_troubles(handle_.get(), &troubles, sizeof troubles));
    return troubles;
  }

  parapolicy_health health() const {
    parapolicy_health health{};
    must(parapolicy_controller_health(handle_.get(), &health));
    return health;
  }

  void stop(Time patience) { must(parapolicy_controller_stop(handle_.get(), nanoseconds(patience))); }

 private:
  static std::uint64_t nanoseconds(Time time) { return static_cast<std::uint64_t>(time.count()); }

  struct Free {
    void operator()(parapolicy_controller *handle) const { parapolicy_controller_free(handle); }
  };
  std::unique_ptr<parapolicy_controller, Free> handle_;
  parapolicy_shape shape_{};
};

}  // namespace parapolicy

#endif  // PARAPOLICY_HPP
