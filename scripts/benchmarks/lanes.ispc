// Networks INPUTS-HIDDEN-1 with tanh, a member a lane of the processor's vectors: gradient descent on sums over
// minibatches of BATCH of a member's ROWS rows, of half the squared errors, or where LOGISTIC of the
// cross-entropies. Sizes are macros, so that the compiler unrolls the loops over them.

#define COLUMNS (INPUTS + 1)                // of a row: its inputs, its target
#define UNIT (INPUTS + 2)                   // of a hidden unit: its weights, its bias, its weight in the output
#define PARAMETERS (HIDDEN * UNIT + 1)      // of all units; the output's bias

static inline float squashed(float z) { return 1 - 2 / (1 + exp(2 * z)); }

// Puts rows in a random order, the same for all lanes: Fisher and Yates, by Marsaglia's xorshift.
static inline void shuffle(float rows[], uniform unsigned int &state) {
    for (uniform int last = ROWS - 1; last > 0; last--) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        uniform int chosen = state % (last + 1);
        for (uniform int c = 0; c < COLUMNS; c++) {
            float swapped = rows[chosen * COLUMNS + c];
            rows[chosen * COLUMNS + c] = rows[last * COLUMNS + c];
            rows[last * COLUMNS + c] = swapped;
        }
    }
}

// Values h [HIDDEN][n] of the hidden units and outputs z [n], of n rows from a pointer on.
static inline void forward(float p[], float rows[], uniform int n, float h[], float z[]) {
    for (uniform int r = 0; r < n; r++)
        z[r] = p[PARAMETERS - 1];
    for (uniform int u = 0; u < HIDDEN; u++)
        for (uniform int r = 0; r < n; r++) {
            float value = p[u * UNIT + INPUTS];
            for (uniform int i = 0; i < INPUTS; i++)
                value += p[u * UNIT + i] * rows[r * COLUMNS + i];
            h[u * n + r] = squashed(value);
            z[r] += p[u * UNIT + INPUTS + 1] * h[u * n + r];
        }
}

// One step of descent on the rows from a pointer on.
static inline void step(float p[], float rows[], float rate, float l2) {
    float h[HIDDEN * BATCH], delta[BATCH];
    forward(p, rows, BATCH, h, delta);
    float sum = 0;
    for (uniform int r = 0; r < BATCH; r++) {
        delta[r] = (LOGISTIC ? 1 / (1 + exp(-delta[r])) : delta[r]) - rows[r * COLUMNS + INPUTS];
        sum += delta[r];
    }
    p[PARAMETERS - 1] -= rate * sum;
    for (uniform int u = 0; u < HIDDEN; u++) {
        float out = p[u * UNIT + INPUTS + 1];
        float gradient[UNIT];
        for (uniform int i = 0; i < UNIT; i++)
            gradient[i] = 0;
        for (uniform int r = 0; r < BATCH; r++) {
            float value = h[u * BATCH + r];
            float back = delta[r] * out * (1 - value * value);
            for (uniform int i = 0; i < INPUTS; i++)
                gradient[i] += back * rows[r * COLUMNS + i];
            gradient[INPUTS] += back;
            gradient[INPUTS + 1] += delta[r] * value;
        }
        for (uniform int i = 0; i < UNIT; i++)
            p[u * UNIT + i] -= rate * (gradient[i] + (i == INPUTS ? 0 : l2 * p[u * UNIT + i]));
    }
}

// Mean over a member's rows of its costs, or where LOGISTIC the share of right answers.
static inline float score(float p[], float rows[]) {
    float h[HIDDEN], z[1];
    float sum = 0;
    for (uniform int r = 0; r < ROWS; r++) {
        float y = rows[r * COLUMNS + INPUTS];
        forward(p, &rows[r * COLUMNS], 1, h, z);
        if (LOGISTIC)
            sum += (z[0] > 0) == (y > 0) ? 1 : 0;
        else
            sum += 0.5 * (z[0] - y) * (z[0] - y);
    }
    return sum / ROWS;
}

export uniform int lanes() { return programCount; }

// Trains members from first to last and scores them: rows [ROWS][COLUMNS][members], params
// [PARAMETERS][members], and rates, l2s and scores [members].
export void train(uniform const float rows[], uniform const float params[], uniform const float rates[],
                  uniform const float l2s[], uniform float scores[], uniform int members, uniform int first,
                  uniform int last, uniform int epochs) {
    for (uniform int begin = first; begin < last; begin += programCount) {
        int member = min(begin + programIndex, last - 1); // lanes beyond the last one train it too
        float own[ROWS * COLUMNS], p[PARAMETERS];
        for (uniform int i = 0; i < ROWS * COLUMNS; i++)
            own[i] = rows[i * members + member];
        for (uniform int i = 0; i < PARAMETERS; i++)
            p[i] = params[i * members + member];
        uniform unsigned int state = begin + 1;
        for (uniform int epoch = 0; epoch < epochs; epoch++) {
            if (BATCH < ROWS)
                shuffle(own, state);
            for (uniform int r = 0; r + BATCH <= ROWS; r += BATCH)
                step(p, &own[r * COLUMNS], rates[member], l2s[member]);
        }
        scores[member] = score(p, own);
    }
}
