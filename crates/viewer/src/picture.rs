//! Draws a scene as shapes, the lowest first.

use parapolicy_pusht::State;
use parapolicy_pusht::geometry::{AGENT_RADIUS, BAR, GOAL, OUTLINE, Pose, STEM, TABLE_SIZE, WALL_RADIUS, WALLS};

use crate::colour::{self, Colour};
use crate::scene::{Scene, ShownPlan, Way};
use crate::sketch::{Point, Sketch};

/// Width of the lines around things, px.
const EDGE: f32 = 2.0;

/// How far below things their shadow falls, px.
const SHADOW: f32 = 3.0;

/// Draws the scene, with everything where `state` says; nothing of an episode that has curves.
pub fn paint(scene: &Scene, state: &State) -> Sketch {
    let mut sketch = Sketch::default();
    if scene.curves.is_some() {
        return sketch;
    }
    table(&mut sketch, scene);
    path(&mut sketch, scene);
    block(&mut sketch, &state.block);
    ways(&mut sketch, &scene.ways);
    if let Some(plan) = &scene.plan {
        rounds(&mut sketch, &plan.iterates);
    }
    agent(&mut sketch, point(state.agent.into()), scene);
    if let Some(plan) = &scene.plan {
        actions(&mut sketch, plan);
    }
    sketch
}

fn table(sketch: &mut Sketch, scene: &Scene) {
    let side = TABLE_SIZE as f32;
    sketch.polygon(&[[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]], colour::TABLE);
    shape(sketch, &GOAL, colour::GOAL, colour::GOAL_EDGE);
    for disc in &scene.keep_out {
        sketch.disc(point(disc.centre), disc.radius as f32, colour::KEEP_OUT);
        sketch.ring(point(disc.centre), disc.radius as f32, EDGE, colour::KEEP_OUT_EDGE);
    }
    for wall in WALLS {
        sketch.stroke(&wall.map(point), 2.0 * WALL_RADIUS as f32, |_| colour::WALL);
    }
}

/// Where the agent has been, paler the longer ago.
fn path(sketch: &mut Sketch, scene: &Scene) {
    let points: Vec<Point> = scene.path.iter().copied().map(point).collect();
    sketch.stroke(&points, 3.0, |share| colour::PATH.at(0.15 + 0.65 * share));
}

fn block(sketch: &mut Sketch, pose: &Pose) {
    let lower = |[x, y]: [f64; 2]| [x as f32, y as f32 + SHADOW];
    for part in [BAR, STEM] {
        sketch.polygon(&pose.place(&part).map(lower), colour::INK.at(0.12));
    }
    shape(sketch, pose, colour::BLOCK, colour::BLOCK_EDGE);
}

/// A T.
fn shape(sketch: &mut Sketch, pose: &Pose, fill: Colour, edge: Colour) {
    for part in [BAR, STEM] {
        sketch.polygon(&pose.place(&part).map(point), fill);
    }
    sketch.outline(&pose.place(&OUTLINE).map(point), EDGE, edge);
}

fn agent(sketch: &mut Sketch, at: Point, scene: &Scene) {
    let (radius, fill) = (AGENT_RADIUS as f32, if scene.settings.driven { colour::DRIVEN } else { colour::AGENT });
    sketch.disc([at[0], at[1] + SHADOW], radius, colour::INK.at(0.12));
    sketch.disc(at, radius, fill);
    sketch.ring(at, radius - EDGE / 2.0, EDGE, fill.towards(colour::INK, 0.35));
    if let Some(target) = scene.target.filter(|_| scene.settings.driven) {
        sketch.ring(point(target), 6.0, EDGE, colour::DRIVEN);
    }
}

/// Many plans, each way in its colour; rare ones last, so that they are not covered.
fn ways(sketch: &mut Sketch, ways: &[Way]) {
    for way in ways {
        let colour = way_colour(way);
        for plan in &way.plans {
            let points: Vec<Point> = plan.iter().copied().map(point).collect();
            sketch.stroke(&points, 1.6, |_| colour.at(0.45));
        }
    }
}

/// The colour of a way.
pub fn way_colour(way: &Way) -> Colour {
    colour::WAYS.get(way.colour).copied().unwrap_or(colour::PALE_INK)
}

/// The plan after every round, from pale to dark.
fn rounds(sketch: &mut Sketch, iterates: &[Vec<[f64; 2]>]) {
    let last = iterates.len().saturating_sub(1).max(1) as f32;
    for (round, iterate) in iterates.iter().enumerate() {
        let share = round as f32 / last;
        let colour = colour::FIRST_ROUND.towards(colour::LAST_ROUND, share).at(0.5 + 0.4 * share);
        let points: Vec<Point> = iterate.iter().copied().map(point).collect();
        sketch.stroke(&points, 1.6, |_| colour);
    }
}

/// The plan in force, without the actions that were executed; those that will not be executed are pale.
fn actions(sketch: &mut Sketch, plan: &ShownPlan) {
    let ahead: Vec<Point> = plan.actions.iter().skip(plan.done).copied().map(point).collect();
    let intended = plan.intended.saturating_sub(plan.done);
    let steps = ahead.len().saturating_sub(1).max(1) as f32;
    let fading = |index: f32| colour::PLAN.at(if index < intended as f32 { 1.0 - 0.4 * index / steps } else { 0.25 });
    sketch.stroke(&ahead, 3.0, |share| fading(share * steps));
    for (index, &at) in ahead.iter().enumerate() {
        let colour = fading(index as f32);
        sketch.disc(at, 4.5, colour::TABLE.at(colour.opacity));
        sketch.disc(at, 3.5, colour);
    }
}

fn point(at: [f64; 2]) -> Point {
    at.map(|x| x as f32)
}
