// One plan of PushT's policy.
//
//     first [POLICY]

#include <cstdio>

#include "parapolicy.hpp"

int main(int count, char **arguments) {
  try {
    const parapolicy::Policy policy(count > 1 ? arguments[1] : "models/pusht");
    const auto &shape = policy.shape();
    const std::vector<double> seen(shape.n_obs_steps * shape.observation_dim, 256.0); // keypoints and agent, in pixels
    parapolicy::Drawing drawing;
    drawing.observations = seen.data();
    drawing.observations_len = seen.size();
    const auto drawn = policy.draw(drawing);
    for (std::size_t step = 0; step < shape.horizon; ++step) {
      std::printf("%6.1f %6.1f\n", drawn.actions[2 * step], drawn.actions[2 * step + 1]);
    }
    std::printf("%lu rounds\n", static_cast<unsigned long>(drawn.costs[0].rounds));
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
