//! What the keys do.

use bevy::prelude::*;
use bevy_egui::input::EguiWantsInput;
use nalgebra::Vector2;
use parapolicy_pusht::Kick;
use parapolicy_pusht::geometry::CENTRE_OF_GRAVITY;
use parapolicy_sampler::{Strategies, Strategy, WindowConfig};

use crate::order::Order;
use crate::pointer::Pointer;
use crate::scene::{Scene, Status};
use crate::setup::Clock;
use crate::sketch::Point;
use crate::stage::Stage;
use crate::window::Live;

/// How far a kick throws the block, px.
const KICK: f64 = 40.0;

/// Every key, its name in the panel, and what it does.
pub const KEYS: [(&[KeyCode], &str, &str); 12] = [
    (&[KeyCode::Space], "space", "run, pause"),
    (&[KeyCode::ArrowRight], "right", "one step"),
    (&[KeyCode::KeyR], "R", "begin again"),
    (&[KeyCode::KeyN, KeyCode::KeyB], "N B", "next, last seed"),
    (&DIGITS, "1, 2, …", "sampler"),
    (&[KeyCode::BracketLeft, KeyCode::BracketRight], "[ ]", "window"),
    (&[KeyCode::Minus, KeyCode::Equal], "- =", "speed"),
    (&[KeyCode::KeyO, KeyCode::KeyL], "O L", "scenario, clock"),
    (&[KeyCode::KeyV, KeyCode::KeyW], "V W", "rounds, ways"),
    (&[KeyCode::KeyT], "T", "drive, or not"),
    (&[KeyCode::KeyK], "K", "kick block"),
    (&[KeyCode::KeyD], "D", "record driving"),
];

/// Each stands for the strategy at this place of the list.
const DIGITS: [KeyCode; 9] = [
    KeyCode::Digit1,
    KeyCode::Digit2,
    KeyCode::Digit3,
    KeyCode::Digit4,
    KeyCode::Digit5,
    KeyCode::Digit6,
    KeyCode::Digit7,
    KeyCode::Digit8,
    KeyCode::Digit9,
];

/// Gives the orders of the keys that were pressed.
pub fn press(
    keys: Res<ButtonInput<KeyCode>>,
    busy: Option<Res<EguiWantsInput>>,
    pointer: Res<Pointer>,
    stage: Res<Stage>,
    live: Res<Live>,
) {
    if busy.is_some_and(|busy| busy.wants_any_keyboard_input()) {
        return;
    }
    for &key in keys.get_just_pressed() {
        if let Some(order) = order(key, &stage.scene, stage.scenarios.len(), pointer.at) {
            live.0.order(order);
        }
    }
}

/// What a key asks for.
pub fn order(key: KeyCode, scene: &Scene, scenarios: usize, pointer: Point) -> Option<Order> {
    let settings = &scene.settings;
    if let Some(strategy) = DIGITS.iter().position(|&digit| digit == key).and_then(sampler) {
        return Some(Order::Strategy(like(strategy, settings.strategy)));
    }
    Some(match key {
        KeyCode::Space if matches!(scene.status, Status::Solved | Status::OutOfTime | Status::Over) => {
            Order::Reset(settings.seed + 1)
        }
        KeyCode::Space => Order::Pause(scene.status != Status::Paused),
        KeyCode::ArrowRight => Order::Step,
        KeyCode::KeyR => Order::Reset(settings.seed),
        KeyCode::KeyN => Order::Reset(settings.seed.saturating_add(1)),
        KeyCode::KeyB => Order::Reset(settings.seed.saturating_sub(1)),
        KeyCode::BracketLeft => Order::Strategy(widened(settings.strategy, -1)?),
        KeyCode::BracketRight => Order::Strategy(widened(settings.strategy, 1)?),
        KeyCode::Minus => Order::Speed(settings.speed / 2.0),
        KeyCode::Equal => Order::Speed(settings.speed * 2.0),
        KeyCode::KeyO => Order::Scenario((settings.scenario + 1) % scenarios.max(1)),
        KeyCode::KeyL if settings.clock == Clock::Lockstep => Order::Clock(Clock::Real),
        KeyCode::KeyL => Order::Clock(Clock::Lockstep),
        KeyCode::KeyV => Order::SlowRounds(!settings.slow_rounds),
        KeyCode::KeyW => Order::Ways(!settings.ways),
        KeyCode::KeyT if settings.driven => Order::HandBack,
        KeyCode::KeyT => Order::Drive(pointer.map(f64::from)),
        KeyCode::KeyD => Order::Record(scene.recording.is_none()),
        KeyCode::KeyK => Order::Kick(kick(scene, pointer)),
        _ => return None,
    })
}

fn sampler(index: usize) -> Option<Strategy> {
    Strategies::default().iter().nth(index)
}

/// A strategy with the window and tolerance of another.
pub fn like(strategy: Strategy, other: Strategy) -> Strategy {
    let (window, tolerance) = (other.window().or(strategy.window()), other.tolerance().or(strategy.tolerance()));
    let default = WindowConfig::default();
    strategy.with_window(WindowConfig {
        window: window.unwrap_or(default.window),
        tolerance: tolerance.unwrap_or(default.tolerance),
    })
}

/// A strategy with a window that is larger by so many steps; `None` where there is no window.
pub fn widened(strategy: Strategy, by: isize) -> Option<Strategy> {
    let window = strategy.window()?.saturating_add_signed(by).clamp(1, 200);
    let tolerance = strategy.tolerance().unwrap_or_default();
    Some(strategy.with_window(WindowConfig { window, tolerance }))
}

/// A kick of the block, away from the pointer.
fn kick(scene: &Scene, pointer: Point) -> Kick {
    let [centre] = scene.state.block.place(&[CENTRE_OF_GRAVITY]);
    let away = Vector2::from(centre) - Vector2::from(pointer.map(f64::from));
    let displacement = away.try_normalize(1e-6).unwrap_or_default() * KICK;
    Kick { displacement, turn: 0.3 }
}
