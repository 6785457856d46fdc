// Where the view is over the map, and how a pointer moves it.
const [LEAST, MOST] = [0.08, 3];
const GLIDE = 220;

export class Camera {
  /** `changed()` is called after each move. */
  constructor(changed) {
    this.x = 0;
    this.y = 0;
    this.scale = 1;
    this.changed = changed;
    this.gliding = 0;
  }

  toMap(x, y) {
    return [x / this.scale + this.x, y / this.scale + this.y];
  }

  toView(x, y) {
    return [(x - this.x) * this.scale, (y - this.y) * this.scale];
  }

  pan(dx, dy) {
    this.stop();
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.changed();
  }

  /** Zoom so that what is at a point of the view stays there. */
  zoom(factor, x, y) {
    this.stop();
    const [mapX, mapY] = this.toMap(x, y);
    this.scale = Math.max(LEAST, Math.min(MOST, this.scale * factor));
    this.x = mapX - x / this.scale;
    this.y = mapY - y / this.scale;
    this.changed();
  }

  /** Show a rectangle of the map as large as it fits; `most` bounds the scale. */
  fit(bounds, size, { most = 1.15, glide = true, above = 20, below = 20 } = {}) {
    const scale = Math.min(
      most,
      (size.width - 48) / Math.max(1, bounds.width),
      (size.height - above - below) / Math.max(1, bounds.height),
    );
    const aim = this.centered(bounds, size, Math.max(LEAST, scale));
    aim.y -= (above - below) / 2 / aim.scale;
    this.moveTo(aim, glide);
  }

  /** Bring a rectangle of the map into view, without zooming more than it takes to read. */
  reveal(bounds, size) {
    const [left, top] = this.toView(bounds.x, bounds.y);
    const [right, bottom] = this.toView(bounds.x + bounds.width, bounds.y + bounds.height);
    const seen = left >= 0 && top >= 0 && right <= size.width && bottom <= size.height;
    if (seen && this.scale >= 0.5) return;
    this.moveTo(this.centered(bounds, size, Math.max(0.8, this.scale)), true);
  }

  centered(bounds, size, scale) {
    return {
      scale,
      x: bounds.x + bounds.width / 2 - size.width / 2 / scale,
      y: bounds.y + bounds.height / 2 - size.height / 2 / scale,
    };
  }

  moveTo(aim, glide) {
    this.stop();
    if (!glide || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      Object.assign(this, aim);
      this.changed();
      return;
    }
    const from = { x: this.x, y: this.y, scale: this.scale };
    const began = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, now - began) / GLIDE);
      const eased = 1 - (1 - part) ** 3;
      for (const name of ["x", "y", "scale"]) this[name] = from[name] + (aim[name] - from[name]) * eased;
      this.changed();
      this.gliding = part < 1 ? requestAnimationFrame(step) : 0;
    };
    this.gliding = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.gliding);
    this.gliding = 0;
  }
}
