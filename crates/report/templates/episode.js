// Plays recorded episodes on one clock. A side's moments are [began, waited, latency, agent x, y, block x, y, angle, coverage,
// plan x, y, x, y, ...], one a control step: times in s, and what is so after the step.
for (const section of document.querySelectorAll(".episode")) {
  const figure = section.querySelector("figure");
  const period = Number(figure.dataset.period) / 1000;
  const end = Number(figure.dataset.end);
  const find = (selector, within = section) => within.querySelector(selector);
  const [button, slider, output, now] = ["button", "input", "output", ".now"].map((selector) => find(selector));
  const points = (numbers) => numbers.join(" ");
  const lines = section.querySelectorAll(".line");
  const sides = [...section.querySelectorAll(".side")].map((element, index) => {
    const moments = JSON.parse(find("script", element).textContent);
    lines[index].setAttribute("points", points(moments.map((moment) => [(moment[0] + period) / end, 1 - moment[8]])));
    // Times are rounded: no side ends after the figure.
    return { element, moments, end: Math.min(moments[moments.length - 1][0] + period, end) };
  });

  // During a step everything moves straight to where it is after it, so that the eye can follow; while a plan is waited for, nothing.
  const showSide = ({ element, moments, end }, time) => {
    let index = 0;
    while (index + 1 < moments.length && moments[index + 1][0] - moments[index + 1][1] <= time) index += 1;
    const [to, from] = [moments[index], moments[Math.max(index - 1, 0)]];
    const [began, waited, latency] = to;
    const waits = time < began;
    const share = waits ? 0 : Math.min((time - began) / period, 1);
    const [ax, ay, bx, by, angle, coverage] = [3, 4, 5, 6, 7, 8].map((i) => from[i] + share * (to[i] - from[i]));
    find(".agent", element).setAttribute("cx", ax);
    find(".agent", element).setAttribute("cy", ay);
    find(".block", element).setAttribute("transform", `translate(${bx} ${by}) rotate(${(angle * 180) / Math.PI})`);
    find(".plan", element).setAttribute("points", waits ? "" : points(to.slice(9)));
    const way = moments.slice(Math.max(0, index - 40), index).map((moment) => [moment[3], moment[4]]);
    find(".way", element).setAttribute("points", points([...way, [ax, ay]]));
    const over = time >= end;
    find(".clock", element).textContent = over ? `${element.dataset.ended} ${end.toFixed(2)} s` : `${time.toFixed(1)} s`;
    find(".latency", element).textContent = `${waits ? "waiting" : "plan"} ${(1000 * latency).toFixed(1)} ms`;
    element.classList.toggle("waits", waits);
    find(".covered", element).textContent = `covered ${Math.round(100 * coverage)} %`;
  };
  const show = (time) => {
    for (const side of sides) showSide(side, time);
    now.setAttribute("d", `M${time / end} 0V1`);
    output.textContent = `${time.toFixed(1)} s of ${end.toFixed(1)} s`;
    slider.value = Math.round(time / period);
    slider.setAttribute("aria-valuetext", output.textContent);
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
    if (time >= end) time = 0;
    let before = null;
    const frame = (now) => {
      time = Math.min(end, time + (before === null ? 0 : (now - before) / 1000));
      before = now;
      show(time);
      if (time >= end) stop();
      else playing = requestAnimationFrame(frame);
    };
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "Pause");
    playing = requestAnimationFrame(frame);
  };
  button.addEventListener("click", () => (playing === null ? play() : stop()));
  slider.addEventListener("input", () => {
    stop();
    show((time = Math.min(end, Number(slider.value) * period)));
  });
  show(0);
}
