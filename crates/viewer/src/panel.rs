//! The panel beside the table: what is running, what it costs, its reward, and what can be changed.

use bevy::prelude::{Local, Res, Result};
use bevy_egui::egui::{
    Align, Button, ComboBox, Context, FontDefinitions, FontFamily, FontId, Frame, Grid, LayerId, Layout as Flow,
    RichText, ScrollArea, TextStyle, Ui, UiBuilder, style::ScrollStyle,
};
use bevy_egui::{EguiContexts, egui};
use parapolicy_sampler::{Solver, Strategies, WindowConfig};

use crate::colour::{self, Colour};
use crate::keys::{KEYS, like};
use crate::layout::{PANEL, zoom};
use crate::order::Order;
use crate::picture::way_colour;
use crate::plot;
use crate::scene::{Scene, Settings, Status, Way};
use crate::setup::Clock;
use crate::stage::Stage;
use crate::window::Live;

/// Shares of ways that there is room for.
const SHARES: usize = 3;

const STEPS: [usize; 5] = [5, 10, 20, 50, 100];

const SPEEDS: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];

/// Shows the panel, and gives the orders that are chosen in it.
pub fn show(
    mut contexts: EguiContexts<'_, '_>,
    stage: Res<'_, Stage>,
    live: Option<Res<'_, Live>>,
    mut letters: Local<'_, bool>,
) -> Result {
    let context = contexts.ctx_mut()?;
    if !std::mem::replace(&mut *letters, true) {
        context.set_fonts(fonts());
    }
    context.set_zoom_factor(zoom(stage.size.x, stage.size.y));
    let mut orders = Vec::new();
    panel(context, &stage, &mut orders);
    if let Some(live) = live {
        orders.into_iter().for_each(|order| live.0.order(order));
    }
    Ok(())
}

/// The letters that stand upright and are all as wide come first: the usual ones are too thin to be read at these sizes.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let upright = fonts.families.get(&FontFamily::Monospace).and_then(|names| names.first().cloned());
    if let (Some(upright), Some(names)) = (upright, fonts.families.get_mut(&FontFamily::Proportional)) {
        names.insert(0, upright);
    }
    fonts
}

fn panel(context: &Context, stage: &Stage, orders: &mut Vec<Order>) {
    context.set_visuals(visuals());
    let window = context.viewport_rect();
    if let Some(curves) = &stage.scene.curves {
        curves.draw(context, window.with_max_x(window.right() - PANEL));
    }
    let place = egui::Rect::from_min_max(egui::pos2(window.right() - PANEL, window.top()), window.max);
    let mut ui =
        Ui::new(context.clone(), "panel".into(), UiBuilder::new().layer_id(LayerId::background()).max_rect(place));
    Frame::new().fill(ink(Colour::of(0xFF_FF_FF))).inner_margin(18.0).show(&mut ui, |ui| {
        ui.set_min_size(ui.available_size());
        ui.spacing_mut().item_spacing.y = 5.0;
        ui.spacing_mut().scroll = ScrollStyle::solid();
        for style in [TextStyle::Body, TextStyle::Button] {
            ui.style_mut().text_styles.insert(style, FontId::proportional(13.0));
        }
        // In a small window, what has no room is scrolled to.
        ScrollArea::vertical().show(ui, |ui| {
            heading(ui, &stage.scene);
            buttons(ui, &stage.scene, orders);
            episode(ui, &stage.scene);
            planning(ui, &stage.scene);
            match &stage.scene.settings.replayed {
                Some(run) => section(ui, &format!("Replayed from the log of {run}")),
                None => settings(ui, stage, orders),
            }
            help(ui);
        });
    });
}

fn heading(ui: &mut Ui, scene: &Scene) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Parapolicy").size(20.0).strong());
        ui.with_layout(Flow::right_to_left(Align::Center), |ui| {
            let (word, colour) = status(scene);
            ui.label(RichText::new(word).color(ink(colour)).size(14.0).strong());
        });
    });
    let saved = scene.saved.as_ref().map(|path| format!("written to {}", path.display()));
    let recording = scene.recording.map(|steps| format!("● recording what you drive: {steps} steps"));
    let notes = [
        (scene.notice.clone(), colour::KEEP_OUT_EDGE),
        (recording, colour::DRIVEN),
        (saved.filter(|_| scene.recording.is_some()), colour::PALE_INK),
    ];
    for (note, colour) in notes {
        if let Some(note) = note {
            ui.label(RichText::new(note).color(ink(colour)).size(12.0));
        }
    }
}

/// What is going on, in a word, and its colour.
pub fn status(scene: &Scene) -> (&'static str, Colour) {
    match scene.status {
        Status::Solved => ("solved", colour::GOAL_EDGE),
        Status::OutOfTime => ("out of time", colour::KEEP_OUT_EDGE),
        Status::Over => ("over", colour::PALE_INK),
        Status::Held => ("held", colour::DRIVEN),
        Status::Paused => ("paused", colour::PALE_INK),
        _ if scene.settings.driven => ("you drive", colour::DRIVEN),
        Status::Planning => ("planning", colour::LAST_ROUND),
        Status::ShowingRounds => ("rounds", colour::LAST_ROUND),
        Status::Running => ("running", colour::AGENT),
    }
}

fn buttons(ui: &mut Ui, scene: &Scene, orders: &mut Vec<Order>) {
    let Settings { seed, driven, .. } = scene.settings;
    let paused = scene.status == Status::Paused;
    let drive = if driven { ("Hand back", Order::HandBack) } else { ("Drive", Order::Drive(scene.state.agent.into())) };
    let run = if paused { "Run" } else { "Pause" };
    let choices = [
        (run, Order::Pause(!paused)),
        ("Step", Order::Step),
        ("Again", Order::Reset(seed)),
        ("Next", Order::Reset(seed + 1)),
    ];
    ui.horizontal(|ui| {
        for (name, order) in choices.into_iter().chain([drive]) {
            if ui.add(Button::new(name)).clicked() {
                orders.push(order);
            }
        }
    });
}

fn episode(ui: &mut Ui, scene: &Scene) {
    let Settings { seed, control_step, max_control_steps, .. } = scene.settings;
    section(ui, "Episode");
    row(ui, "seed", seed.to_string());
    row(ui, "control step", format!("{control_step} of {max_control_steps}"));
    row(ui, "best reward", format!("{:.3}", scene.best_reward()));
    plot::line(ui, &scene.rewards, max_control_steps);
}

fn planning(ui: &mut Ui, scene: &Scene) {
    section(ui, "Plans");
    let (rounds, evaluations) = scene.plan.as_ref().map_or((0, 0), |plan| (plan.rounds, plan.evaluations));
    row(ui, "rounds / evaluations", format!("{rounds} / {evaluations}"));
    let median = plot::median(&scene.latencies);
    let figures = scene.latencies.last().zip(median);
    row(ui, "sampling: last, median", figures.map_or("–".into(), |(last, p50)| format!("{last:.1}, {p50:.1} ms")));
    plot::histogram(ui, &scene.latencies, 1e3 * scene.period.as_secs_f64());
}

/// The share of every way, in its colour.
fn shares(ui: &mut Ui, ways: &[Way]) {
    for way in ways.iter().take(SHARES) {
        let share = format!("{:.0} %", 100.0 * way.share);
        ui.label(RichText::new(share).strong().color(ink(way_colour(way))));
    }
}

fn settings(ui: &mut Ui, stage: &Stage, orders: &mut Vec<Order>) {
    section(ui, "Choose");
    let chosen = &stage.scene.settings;
    Grid::new("settings").num_columns(2).spacing([14.0, 5.0]).show(ui, |ui| {
        sampling(ui, chosen, orders);
        let names: Vec<&str> = stage.scenarios.iter().map(String::as_str).collect();
        let scenario = names.get(chosen.scenario).copied().unwrap_or_default();
        choose(
            ui,
            "scenario",
            scenario,
            names.iter().enumerate(),
            |&(_, name)| (*name).into(),
            |(index, _)| {
                orders.push(Order::Scenario(index));
            },
        );
        let clock =
            |clock: &Clock| if *clock == Clock::Lockstep { "waits for plans" } else { "does not wait" }.to_owned();
        choose(ui, "world", &clock(&chosen.clock), [Clock::Lockstep, Clock::Real].into_iter(), clock, |clock| {
            orders.push(Order::Clock(clock));
        });
        let speed = |speed: &f64| format!("{speed} ×");
        choose(ui, "speed", &speed(&chosen.speed), SPEEDS.into_iter(), speed, |speed| orders.push(Order::Speed(speed)));
        ui.label("rounds");
        let (mut slow, mut ways) = (chosen.slow_rounds, chosen.ways);
        if ui.checkbox(&mut slow, "one by one").changed() {
            orders.push(Order::SlowRounds(slow));
        }
        ui.end_row();
        ui.label("ways");
        ui.horizontal(|ui| {
            let found = &stage.scene.ways;
            if ui.checkbox(&mut ways, if found.is_empty() { "shown" } else { "" }).changed() {
                orders.push(Order::Ways(ways));
            }
            shares(ui, found);
        });
        ui.end_row();
    });
}

fn sampling(ui: &mut Ui, chosen: &Settings, orders: &mut Vec<Order>) {
    let Settings { strategy, solver, steps, .. } = *chosen;
    let strategies = Strategies::default();
    choose(ui, "sampler", &strategy.to_string(), strategies.iter(), ToString::to_string, |chosen| {
        orders.push(Order::Strategy(like(chosen, strategy)));
    });
    // One of the names stands for a family of solvers, and is none itself.
    let solvers = Solver::names().filter_map(|name| name.parse::<Solver>().ok());
    choose(ui, "solver", &solver.to_string(), solvers, ToString::to_string, |solver| {
        orders.push(Order::Solver(solver));
    });
    choose(ui, "steps", &steps.to_string(), STEPS.into_iter(), ToString::to_string, |steps| {
        orders.push(Order::Steps(steps));
    });
    let default = WindowConfig::default();
    let mut config = WindowConfig {
        window: strategy.window().unwrap_or(default.window),
        tolerance: strategy.tolerance().unwrap_or(default.tolerance),
    };
    let before = config;
    ui.label("window, tolerance");
    ui.horizontal(|ui| {
        let window = egui::DragValue::new(&mut config.window).range(1..=200);
        ui.add_enabled(strategy.window().is_some(), window);
        let tolerance = egui::DragValue::new(&mut config.tolerance).range(0.0..=10.0).speed(0.005);
        ui.add_enabled(strategy.tolerance().is_some(), tolerance);
    });
    ui.end_row();
    if config != before {
        orders.push(Order::Strategy(strategy.with_window(config)));
    }
}

/// A row in which one of several things is chosen.
fn choose<T>(
    ui: &mut Ui,
    label: &str,
    chosen: &str,
    things: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
    mut choose: impl FnMut(T),
) {
    ui.label(label);
    ComboBox::from_id_salt(label).width(150.0).selected_text(chosen).show_ui(ui, |ui| {
        for thing in things {
            let name = name(&thing);
            if ui.selectable_label(name == chosen, name).clicked() {
                choose(thing);
            }
        }
    });
    ui.end_row();
}

fn help(ui: &mut Ui) {
    section(ui, "Keys");
    Grid::new("keys").num_columns(4).spacing([6.0, 2.0]).show(ui, |ui| {
        for pair in KEYS.chunks(2) {
            for (_, key, what) in pair {
                ui.label(RichText::new(*key).size(12.0).strong());
                ui.label(RichText::new(*what).size(12.0).color(ink(colour::PALE_INK)));
            }
            ui.end_row();
        }
    });
}

fn section(ui: &mut Ui, name: &str) {
    ui.add_space(4.0);
    ui.label(RichText::new(name).size(13.0).strong().color(ink(colour::PALE_INK)));
}

fn row(ui: &mut Ui, label: &str, value: String) {
    ui.horizontal(|ui| {
        ui.label(label);
        ui.with_layout(Flow::right_to_left(Align::Center), |ui| ui.label(RichText::new(value).strong()));
    });
}

fn visuals() -> egui::Visuals {
    let mut visuals = egui::Visuals::light();
    visuals.override_text_color = Some(ink(colour::INK));
    visuals
}

/// As egui says it.
pub fn ink(Colour { rgb: [red, green, blue], opacity }: Colour) -> egui::Color32 {
    egui::Color32::from_rgba_unmultiplied(red, green, blue, (255.0 * opacity) as u8)
}
