//! The window: frames, keys and the pointer around an episode that goes on by itself.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::time::Duration;

use bevy::log::LogPlugin;
use bevy::prelude::*;
use bevy::window::{PresentMode, WindowResolution};
use bevy::winit::{UpdateMode, WinitSettings};

use crate::error::ViewError;
use crate::play::Play;
use crate::play_thread::PlayThread;
use crate::pointer::{self, Pointer};
use crate::scene::Settings;
use crate::screenshot::SIZE;
use crate::stage::{Refresh, Stage, StagePlugin, camera};
use crate::{keys, machine, panel};

/// The thread that plays what is shown.
#[derive(Resource)]
pub struct Live(pub PlayThread);

/// From one frame to the next.
const FRAME: Duration = Duration::from_micros(16_667);

/// From one frame to the next while the window has no focus.
const UNFOCUSED_FRAME: Duration = Duration::from_millis(100);

/// Opens a window on an episode, and returns when it is closed. `scenarios` are the names of what can be chosen.
///
/// # Errors
/// [`ViewError`], if there is no window to be had.
pub fn open(play: impl Play, scenarios: Vec<String>) -> Result<(), ViewError> {
    let display = machine::display()?;
    machine::check_graphics()?;
    let scene = play.scene();
    let mut app = windowed()?;
    drop(display);
    app.add_plugins(StagePlugin)
        .insert_resource(WinitSettings {
            focused_mode: UpdateMode::reactive(FRAME),
            unfocused_mode: UpdateMode::reactive_low_power(UNFOCUSED_FRAME),
        })
        .insert_resource(Stage { scene, scenarios, size: SIZE.map(|side| side as f32).into() })
        .insert_resource(Live(PlayThread::start(play)?))
        .init_resource::<Pointer>()
        .add_systems(Startup, set_up)
        .add_systems(Update, (refresh, pointer::follow, keys::press).chain().in_set(Refresh))
        .add_systems(Update, title.after(Refresh));
    app.run();
    Ok(())
}

fn set_up(mut commands: Commands) {
    commands.spawn(camera());
}

fn refresh(mut stage: ResMut<Stage>, mut live: ResMut<Live>, window: Single<&Window>) {
    stage.scene.clone_from(live.0.scene());
    stage.size = window.size();
}

/// The window's name says what the panel does, for whoever switches between windows or drives them from a script.
fn title(stage: Res<Stage>, mut window: Single<&mut Window>) {
    let Settings { seed, control_step, strategy, replayed, .. } = &stage.scene.settings;
    let sampler = replayed.clone().unwrap_or_else(|| strategy.to_string());
    let (status, _) = panel::status(&stage.scene);
    let title = format!("Parapolicy – {status} – {sampler} – seed {seed}, step {control_step}");
    // Every change is a request to the display.
    if window.title != title {
        window.title = title;
    }
}

/// Starts Bevy with a window. It panics where the display lacks something; its message becomes the error.
fn windowed() -> Result<App, ViewError> {
    let window = Window {
        title: "Parapolicy".into(),
        resolution: WindowResolution::new(SIZE[0], SIZE[1]),
        present_mode: PresentMode::AutoVsync,
        ..default()
    };
    let plugins = WindowPlugin { primary_window: Some(window), ..default() };
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    let made = catch_unwind(AssertUnwindSafe(|| {
        let mut app = App::new();
        app.add_plugins(DefaultPlugins.set(plugins).set(machine::graphics()).disable::<LogPlugin>());
        app
    }));
    set_hook(hook);
    made.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        ViewError::Window(text.unwrap_or_else(|| "no reason was given".to_owned()))
    })
}
