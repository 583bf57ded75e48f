// Plays a recorded episode: each moment is [agent x, y, block x, y, angle, coverage, plan x, y, x, y, ...] after a control step.
for (const section of document.querySelectorAll(".episode")) {
  const moments = JSON.parse(section.querySelector("script").textContent);
  const PERIOD = 100; // ms, a control step of the task
  const find = (selector) => section.querySelector(selector);
  const [button, slider, output] = ["button", "input", "output"].map(find);
  const last = moments.length - 1;
  const across = (index) => (last > 0 ? index / last : 0);
  const points = (numbers) => numbers.join(" ");
  find(".line").setAttribute("points", points(moments.map((moment, index) => [across(index), 1 - moment[5]])));

  // Between two moments everything moves straight, so that the eye can follow.
  const show = (time) => {
    const index = Math.min(Math.floor(time), last);
    const [from, to] = [moments[index], moments[Math.min(index + 1, last)]];
    const [ax, ay, bx, by, angle] = [0, 1, 2, 3, 4].map((i) => from[i] + (time - index) * (to[i] - from[i]));
    find(".agent").setAttribute("cx", ax);
    find(".agent").setAttribute("cy", ay);
    find(".block").setAttribute("transform", `translate(${bx} ${by}) rotate(${(angle * 180) / Math.PI})`);
    find(".plan").setAttribute("points", points(from.slice(6)));
    const way = moments.slice(Math.max(0, index - 40), index + 1).map((moment) => [moment[0], moment[1]]);
    find(".way").setAttribute("points", points([...way, [ax, ay]]));
    find(".now").setAttribute("d", `M${across(Math.min(time, last))} 0V1`);
    const text = `step ${index + 1} of ${moments.length}, covered ${Math.round(100 * from[5])} %`;
    output.textContent = text;
    slider.value = index;
    slider.setAttribute("aria-valuetext", text);
  };

  let playing = null;
  let time = 0;
  const stop = () => {
    cancelAnimationFrame(playing);
    playing = null;
    button.textContent = "▶";
    button.setAttribute("aria-label", "Play");
  };
  const play = () => {
    if (time >= last) time = 0;
    let before = null;
    const frame = (now) => {
      time = Math.min(last, time + (before === null ? 0 : (now - before) / PERIOD));
      before = now;
      show(time);
      if (time >= last) stop();
      else playing = requestAnimationFrame(frame);
    };
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "Pause");
    playing = requestAnimationFrame(frame);
  };
  button.addEventListener("click", () => (playing === null ? play() : stop()));
  slider.addEventListener("input", () => {
    stop();
    show((time = Number(slider.value)));
  });
  show(0);
}
