// What plays: a button that plays and pauses, a choice of speeds, and frame after frame while it plays.

const LONGEST_FRAME_S = 0.1; // longer ones are of a page that was hidden

export class Player {
  constructor(button, rate) {
    this.button = button;
    this.rate = rate;
    button.addEventListener("click", () => this.play(!this.playing));
  }

  // A subclass has advance(seconds), already times the chosen speed; false where no frame follows.

  play(playing) {
    this.playing = playing;
    const name = playing ? "pause" : "play";
    const word = this.button.querySelector("span");
    if (word) word.textContent = this.button.dataset[name];
    else this.button.setAttribute("aria-label", this.button.dataset[name]);
    const use = this.button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
    this.last = undefined;
    if (playing && !this.scheduled) this.schedule();
  }

  schedule() {
    this.scheduled = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.scheduled = false;
    if (!this.playing) return;
    const passed = this.last === undefined ? 0 : Math.min(LONGEST_FRAME_S, (now - this.last) / 1000);
    this.last = now;
    if (this.advance(passed * Number(this.rate.value))) this.schedule();
    else this.last = undefined;
  }
}

// A player of a drive, with a slider and keys. A subclass has `position` and `end` in a unit of its own, and says how
// much of it passes in a second and in one step of the car: perSecond and perStep.
export class DrivePlayer extends Player {
  play(playing) {
    if (playing && this.position >= this.end) this.position = 0;
    super.play(playing);
  }

  advance(seconds) {
    this.position = Math.min(this.end, this.position + seconds * this.perSecond);
    this.draw();
    if (this.position < this.end) return true;
    this.play(false);
    return false;
  }

  seek(position) {
    this.position = Math.max(0, Math.min(this.end, position));
    this.draw();
  }

  key(event) {
    const steps = { ArrowLeft: -this.perSecond, ArrowRight: this.perSecond, ",": -this.perStep, ".": this.perStep };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " ") this.play(!this.playing);
    else if (event.key in steps) this.seek(this.position + steps[event.key]);
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek(this.end);
    else if (event.key === "+" || event.key === "-") this.faster(event.key === "+" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  faster(by) {
    const index = this.rate.selectedIndex + by;
    if (index >= 0 && index < this.rate.options.length) this.rate.selectedIndex = index;
  }
}
