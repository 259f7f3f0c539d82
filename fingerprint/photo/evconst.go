package photo

// window is how far a window of the local correlation reaches on each side of its middle.
const window = 3

// noise is the variance in squared grey levels that a window is thought to owe to noise;
// it keeps plain areas from correlating by chance.
const noise = 4

// Texture in grey levels: less is a plain area and not counted, more counts as this much.
const leastTexture, mostTexture = 1.5, 25
