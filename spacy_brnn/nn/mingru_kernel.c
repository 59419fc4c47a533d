/* The products and the recurrence of a minGRU along the tokens of many sequences, in one direction.

   What the functions take is in mingru_kernel.pyi. Where no GCC or Clang is, the package goes without:
   compiled_mingru.py then leaves the reading to PyTorch.
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#ifndef __GNUC__
#error "This needs the vectors of GCC and Clang."
#endif
#define INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define IS_X86 1
#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f")))
#define VNNI __attribute__((target("avx512f,avx512vnni")))
#else
#define AVX2
#endif

/* Columns of the weights that lie together. */
#define PANEL 16
/* Tokens whose products are held at a time: with a panel they are about what the nearest cache holds. A
   multiple of the rows of all of MULTIPLY. */
#define TILE 24

/* Features that lie together where numbers are rounded to 8 bits; these are filled up to blocks. */
#define GROUP 4
#define BLOCK (2 * GROUP)
/* A rounded number of a vector has no sign, ZERO is 0; one of the weights has one. They are so small
   that the sum of four products has 16 bits: AVX2 multiplies three times for four. */
#define HIGHEST_VALUE 85
#define HIGHEST_WEIGHT 48
#define ZERO HIGHEST_VALUE
/* Tokens from one to that whose products are fetched meanwhile, and what is fetched at a time. */
#define AHEAD 4
#define CACHE_LINE 64
/* Bytes of a rounded vector before its features: its scale. Of a rounded panel before its weights: its
   columns' scales, and what ZERO adds to their sums. */
#define VECTOR_HEAD 4
#define PANEL_HEAD (PANEL * 8)

/* Vectors, and what multiplies them; without weights they are the products already. Of what is rounded
   the features are whole blocks, and the stride is in bytes. */
typedef struct {
    const void *vectors;
    Py_ssize_t stride, features;
    const void *weights;
    Py_ssize_t columns;
} Inputs;

/* A cell, and the tokens that it reads in one direction. */
typedef struct {
    Py_ssize_t width;
    const float *bias;
    const int32_t *sequences;
    Py_ssize_t count;
    int backward;
} Reading;

typedef struct {
    Reading reading;
    Inputs inputs;
    int rounded;
    const int32_t *rows;
    float *products;
    float *state;
    float *states;
    Py_ssize_t states_stride;
    float *highest, *total;
    Py_ssize_t pooled_stride;
} Task;

typedef struct {
    Reading reading;
    const float *products;
    Py_ssize_t stride;
    const float *states;
    Py_ssize_t states_stride;
    const float *gradients;
    Py_ssize_t gradients_stride;
    float *d_products;
    float *carried;
    const float *zeros;
} GradientTask;

/* The products of count vectors from the first on. Each is summed over the features in their order,
   whatever is multiplied beside it, to be the same to the last bit.

   ROWS vectors by a panel are as many sums as the registers hold. */
#define MULTIPLY(NAME, BYTES, ROWS) \
    static void NAME( \
        const Inputs *inputs, Py_ssize_t first, Py_ssize_t count, float *out, Py_ssize_t out_stride) \
    { \
        typedef float Vector __attribute__((vector_size(BYTES), aligned(4), may_alias)); \
        enum { LANES = BYTES / 4, VECTORS = PANEL / LANES }; \
        for (Py_ssize_t column = 0; column < inputs->columns; column += PANEL) { \
            for (Py_ssize_t row = 0; row < count; row += ROWS) { \
                const float *panel = (const float *)inputs->weights + column * inputs->features; \
                const float *read[ROWS]; \
                Vector sums[ROWS][VECTORS]; \
                for (int i = 0; i < ROWS; i++) { \
                    /* Rows that are missing are the last one once more. */ \
                    Py_ssize_t place = row + i < count ? row + i : count - 1; \
                    read[i] = (const float *)inputs->vectors + (first + place) * inputs->stride; \
                    for (int j = 0; j < VECTORS; j++) \
                        sums[i][j] = (Vector){0.0f}; \
                } \
                for (Py_ssize_t feature = 0; feature < inputs->features; feature++) { \
                    Vector weights[VECTORS]; \
                    for (int j = 0; j < VECTORS; j++) \
                        weights[j] = *(const Vector *)(panel + feature * PANEL + j * LANES); \
                    for (int i = 0; i < ROWS; i++) \
                        for (int j = 0; j < VECTORS; j++) \
                            sums[i][j] += read[i][feature] * weights[j]; \
                } \
                for (int i = 0; i < ROWS && row + i < count; i++) \
                    for (int j = 0; j < VECTORS; j++) \
                        *(Vector *)(out + (row + i) * out_stride + column + j * LANES) = sums[i][j]; \
            } \
        } \
    }

INLINE uint32_t bits_of(float number)
{
    union { float number; uint32_t bits; } both = {.number = number};
    return both.bits;
}

/* The nearest whole number plus ZERO, in the last 8 bits: 1.5 * 2^23 leaves no others to the sum. */
INLINE uint32_t nearest(float number)
{
    return bits_of(number + (12582912.0f + ZERO));
}

/* What to multiply numbers by for the greatest of them to become `limit`; and the scale, which does
   the reverse. What is no number, or none that ends, stays to be seen: the scale is no number then. */
INLINE float share_of(const float *restrict numbers, Py_ssize_t count, float limit, float *scale)
{
    uint32_t most = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        uint32_t size = bits_of(numbers[i]) & 0x7fffffffu;
        most = size > most ? size : most;
    }
    union { uint32_t bits; float number; } highest = {.bits = most};
    *scale = highest.number / limit + 0.0f * highest.number;
    return highest.number > 1e-30f ? limit / highest.number : 0.0f;
}

INLINE Py_ssize_t whole_blocks(Py_ssize_t features)
{
    return (features + BLOCK - 1) / BLOCK * BLOCK;
}

/* Vectors, each by itself. What fills up its last block is of no account: its weights are 0. */
AVX2 static void round_values(
    const float *vectors, Py_ssize_t stride, Py_ssize_t features, Py_ssize_t count,
    unsigned char *out)
{
    for (Py_ssize_t row = 0; row < count; row++) {
        const float *restrict vector = vectors + row * stride;
        unsigned char *restrict values = out + row * (VECTOR_HEAD + whole_blocks(features));
        float scale, share = share_of(vector, features, HIGHEST_VALUE, &scale);
        memcpy(values, &scale, sizeof(scale));
        values += VECTOR_HEAD;
        for (Py_ssize_t i = 0; i < features; i++)
            values[i] = (unsigned char)nearest(vector[i] * share);
    }
}

/* Weights, (columns, features), to panels of zeros. */
AVX2 static void round_columns(
    const float *weights, Py_ssize_t columns, Py_ssize_t features, unsigned char *out)
{
    for (Py_ssize_t column = 0; column < columns; column++) {
        Py_ssize_t lane = column % PANEL;
        unsigned char *panel = out + column / PANEL * (PANEL_HEAD + PANEL * whole_blocks(features));
        const float *own = weights + column * features;
        float scale, share = share_of(own, features, HIGHEST_WEIGHT, &scale);
        int32_t offset = 0;
        for (Py_ssize_t i = 0; i < features; i++) {
            int32_t value = (int32_t)(nearest(own[i] * share) & 255u) - ZERO;
            offset -= ZERO * value;
            panel[PANEL_HEAD + (i / GROUP * PANEL + lane) * GROUP + i % GROUP] = (unsigned char)value;
        }
        memcpy(panel + lane * sizeof(scale), &scale, sizeof(scale));
        memcpy(panel + PANEL_HEAD / 2 + lane * sizeof(offset), &offset, sizeof(offset));
    }
}

/* 1 / (1 + 2^y) with y = -x log2(e): 2^y is 2^round(y), made of its bits, times a polynomial of
   what is left, whose relative error is below 2e-8 between -1/2 and 1/2. */
INLINE float sigmoid(float x)
{
    union { float number; uint32_t bits; } rounded, power;
    float y = x * -1.44269504f;
    y = y < -126.0f ? -126.0f : y;
    y = y > 126.0f ? 126.0f : y;
    /* 1.5 * 2^23: the sum's last bits are the nearest integer. */
    rounded.number = y + 12582912.0f;
    float rest = y - (rounded.number - 12582912.0f);
    float two = 0.000153458124f;
    two = two * rest + 0.00133999309f;
    two = two * rest + 0.00961848907f;
    two = two * rest + 0.0555032864f;
    two = two * rest + 0.240226462f;
    two = two * rest + 0.693147182f;
    two = two * rest + 1.0f;
    power.bits = (rounded.bits - 0x4b400000u + 127u) << 23;
    return 1.0f / (1.0f + two * power.number);
}

INLINE void step(
    const float *restrict keep, const float *restrict candidate, const float *restrict keep_bias,
    const float *restrict candidate_bias, float *restrict state, Py_ssize_t width)
{
    for (Py_ssize_t i = 0; i < width; i++) {
        float added = candidate[i] + candidate_bias[i];
        state[i] = added + sigmoid(keep[i] + keep_bias[i]) * (state[i] - added);
    }
}

INLINE void fill(float *restrict values, float value, Py_ssize_t width)
{
    for (Py_ssize_t i = 0; i < width; i++)
        values[i] = value;
}

INLINE void copy(const float *restrict state, float *restrict states, Py_ssize_t width)
{
    for (Py_ssize_t i = 0; i < width; i++)
        states[i] = state[i];
}

INLINE void pool(
    const float *restrict state, float *restrict highest, float *restrict total, Py_ssize_t width)
{
    for (Py_ssize_t i = 0; i < width; i++) {
        /* So written that what is no number stays to be seen. */
        highest[i] = state[i] <= highest[i] ? highest[i] : state[i];
        total[i] += state[i];
    }
}

/* Whether a token is another sequence's than its neighbour before it, or after it. */
INLINE int is_edge(const int32_t *sequences, Py_ssize_t count, Py_ssize_t token, int after)
{
    Py_ssize_t neighbour = after ? token + 1 : token - 1;
    return neighbour < 0 || neighbour == count || sequences[neighbour] != sequences[token];
}

INLINE void read_token(const Task *task, Py_ssize_t token, const float *products)
{
    const Reading *reading = &task->reading;
    Py_ssize_t width = reading->width;
    Py_ssize_t place = reading->sequences[token] * task->pooled_stride;
    int first = is_edge(reading->sequences, reading->count, token, reading->backward);
    if (first)
        fill(task->state, 0.0f, width);
    step(products, products + width, reading->bias, reading->bias + width, task->state, width);
    if (task->states)
        copy(task->state, task->states + token * task->states_stride, width);
    if (task->highest && first) {
        copy(task->state, task->highest + place, width);
        copy(task->state, task->total + place, width);
    } else if (task->highest)
        pool(task->state, task->highest + place, task->total + place, width);
}

INLINE void fetch(const float *products, Py_ssize_t width)
{
    const char *from = (const char *)products, *after = (const char *)(products + 2 * width);
    for (; from < after; from += CACHE_LINE)
        __builtin_prefetch(from);
}

/* The products are there: of the tokens from first on, or where rows say. */
INLINE void read_tokens(
    const Task *task, Py_ssize_t first, Py_ssize_t count, const float *products, Py_ssize_t stride)
{
    const int32_t *rows = task->rows;
    Py_ssize_t step = task->reading.backward ? -1 : 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t place = task->reading.backward ? count - 1 - i : i;
        Py_ssize_t token = first + place;
        if (rows && i + AHEAD < count)
            fetch(products + rows[token + step * AHEAD] * stride, task->reading.width);
        read_token(task, token, products + (rows ? rows[token] : place) * stride);
    }
}

INLINE void step_back(
    const float *restrict keep, const float *restrict candidate, const float *restrict keep_bias,
    const float *restrict candidate_bias, const float *restrict before,
    const float *restrict gradient, float *restrict carried, float *restrict d_keep,
    float *restrict d_candidate, Py_ssize_t width)
{
    for (Py_ssize_t i = 0; i < width; i++) {
        float kept = sigmoid(keep[i] + keep_bias[i]);
        float d_state = gradient[i] + carried[i];
        float d_added = d_state * (1.0f - kept);
        carried[i] = d_state * kept;
        d_keep[i] = d_added * kept * (before[i] - candidate[i] - candidate_bias[i]);
        d_candidate[i] = d_added;
    }
}

INLINE void read_back(const GradientTask *task)
{
    const Reading *reading = &task->reading;
    Py_ssize_t width = reading->width;
    for (Py_ssize_t i = 0; i < reading->count; i++) {
        Py_ssize_t token = reading->backward ? i : reading->count - 1 - i;
        Py_ssize_t before = reading->backward ? token + 1 : token - 1;
        const float *products = task->products + token * task->stride;
        float *d_products = task->d_products + token * task->stride;
        int first = is_edge(reading->sequences, reading->count, token, reading->backward);
        if (is_edge(reading->sequences, reading->count, token, !reading->backward))
            fill(task->carried, 0.0f, width);
        step_back(
            products, products + width, reading->bias, reading->bias + width,
            first ? task->zeros : task->states + before * task->states_stride,
            task->gradients + token * task->gradients_stride, task->carried, d_products,
            d_products + width, width);
    }
}

#ifdef IS_X86
/* As MULTIPLY, of what is rounded: whole numbers, whose sums are the same in any order. ADD adds to
   sums of 32 bits the products of twice GROUP values each by their weights. */
#define MULTIPLY_ROUNDED(NAME, BYTES, ROWS, ADD) \
    static void NAME( \
        const Inputs *inputs, Py_ssize_t first, Py_ssize_t count, float *out, Py_ssize_t out_stride) \
    { \
        typedef int32_t Vector __attribute__((vector_size(BYTES), aligned(4), may_alias)); \
        enum { LANES = BYTES / 4, VECTORS = PANEL / LANES }; \
        Py_ssize_t size = PANEL_HEAD + PANEL * inputs->features; \
        for (Py_ssize_t column = 0; column < inputs->columns; column += PANEL) { \
            const char *panel = (const char *)inputs->weights + column / PANEL * size; \
            const Vector *offsets = (const Vector *)(panel + PANEL_HEAD / 2); \
            for (Py_ssize_t row = 0; row < count; row += ROWS) { \
                const char *read[ROWS]; \
                Vector sums[ROWS][VECTORS]; \
                for (int i = 0; i < ROWS; i++) { \
                    /* Rows that are missing are the last one once more. */ \
                    Py_ssize_t place = row + i < count ? row + i : count - 1; \
                    read[i] = (const char *)inputs->vectors + (first + place) * inputs->stride; \
                    for (int j = 0; j < VECTORS; j++) \
                        sums[i][j] = offsets[j]; \
                } \
                for (Py_ssize_t feature = 0; feature < inputs->features; feature += BLOCK) { \
                    const Vector *weights = (const Vector *)(panel + PANEL_HEAD + feature * PANEL); \
                    for (int i = 0; i < ROWS; i++) { \
                        int32_t groups[2]; \
                        memcpy(groups, read[i] + VECTOR_HEAD + feature, sizeof(groups)); \
                        for (int j = 0; j < VECTORS; j++) \
                            sums[i][j] = ADD( \
                                sums[i][j], (Vector){0} + groups[0], weights[j], \
                                (Vector){0} + groups[1], weights[VECTORS + j]); \
                    } \
                } \
                for (int i = 0; i < ROWS && row + i < count; i++) \
                    scale_sums( \
                        (const int32_t *)sums[i], (const float *)panel, read[i], \
                        out + (row + i) * out_stride + column); \
            } \
        } \
    }

/* A panel's sums for one vector: whole numbers to products. */
INLINE void scale_sums(
    const int32_t *restrict sums, const float *restrict scales, const char *vector, float *restrict out)
{
    float scale;
    memcpy(&scale, vector, sizeof(scale));
    for (int i = 0; i < PANEL; i++)
        out[i] = (float)sums[i] * (scales[i] * scale);
}

#define PAIRS(values, weights) _mm256_maddubs_epi16((__m256i)(values), (__m256i)(weights))
#define ADD_AVX2(sums, values, weights, next_values, next_weights) \
    (sums + (Vector)_mm256_madd_epi16( \
        _mm256_add_epi16(PAIRS(values, weights), PAIRS(next_values, next_weights)), \
        _mm256_set1_epi16(1)))
#define ADD_VNNI(sums, values, weights, next_values, next_weights) \
    ((Vector)_mm512_dpbusd_epi32( \
        _mm512_dpbusd_epi32((__m512i)(sums), (__m512i)(values), (__m512i)(weights)), \
        (__m512i)(next_values), (__m512i)(next_weights)))
#endif

#define READ(NAME) \
    static void NAME( \
        const Task *task, Py_ssize_t first, Py_ssize_t count, const float *products, \
        Py_ssize_t stride) \
    { \
        read_tokens(task, first, count, products, stride); \
    }
#define READ_BACK(NAME) \
    static void NAME(const GradientTask *task) { read_back(task); }

MULTIPLY(multiply_plain, 16, 3)
READ(read_plain)
READ_BACK(read_back_plain)

typedef void Multiplier(const Inputs *, Py_ssize_t, Py_ssize_t, float *, Py_ssize_t);
static Multiplier *multiplier = multiply_plain;
/* None where there is none. */
static Multiplier *rounded_multiplier = NULL;
static int is_quicker_rounded = 0;
static void (*reader)(const Task *, Py_ssize_t, Py_ssize_t, const float *, Py_ssize_t) = read_plain;
static void (*back_reader)(const GradientTask *) = read_back_plain;

#ifdef IS_X86
AVX2 MULTIPLY(multiply_avx2, 32, 6)
AVX2 READ(read_avx2)
AVX2 READ_BACK(read_back_avx2)
AVX512 MULTIPLY(multiply_avx512, 64, 12)
AVX2 MULTIPLY_ROUNDED(multiply_rounded_avx2, 32, 4, ADD_AVX2)
VNNI MULTIPLY_ROUNDED(multiply_rounded_vnni, 64, 12, ADD_VNNI)

static void choose(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return;
    multiplier = multiply_avx2;
    rounded_multiplier = multiply_rounded_avx2;
    reader = read_avx2;
    back_reader = read_back_avx2;
    is_quicker_rounded = 1;
    if (!__builtin_cpu_supports("avx512f"))
        return;
    multiplier = multiply_avx512;
    is_quicker_rounded = __builtin_cpu_supports("avx512vnni") != 0;
    if (is_quicker_rounded)
        rounded_multiplier = multiply_rounded_vnni;
}
#else
static void choose(void) {}
#endif

static void read_all(const Task *task)
{
    const Inputs *inputs = &task->inputs;
    Multiplier *chosen = task->rounded ? rounded_multiplier : multiplier;
    Py_ssize_t count = task->reading.count;
    if (!inputs->weights) {
        reader(task, 0, count, (const float *)inputs->vectors, inputs->stride);
        return;
    }
    for (Py_ssize_t done = 0; done < count; done += TILE) {
        Py_ssize_t some = count - done < TILE ? count - done : TILE;
        Py_ssize_t first = task->reading.backward ? count - done - some : done;
        chosen(inputs, first, some, task->products, inputs->columns);
        reader(task, first, some, task->products, inputs->columns);
    }
}

#define ADDRESS(type, number) ((type *)(uintptr_t)(number))

static PyObject *multiply(PyObject *module, PyObject *arguments)
{
    unsigned long long vectors, weights, out;
    Py_ssize_t count, out_stride;
    PyObject *arrays;
    Inputs inputs;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "KnnKnnKnO", &vectors, &inputs.stride, &inputs.features, &weights,
            &inputs.columns, &count, &out, &out_stride, &arrays))
        return NULL;
    inputs.vectors = ADDRESS(const void, vectors);
    inputs.weights = ADDRESS(const void, weights);
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t first = 0; first < count; first += TILE)
        multiplier(
            &inputs, first, count - first < TILE ? count - first : TILE,
            ADDRESS(float, out) + first * out_stride, out_stride);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *round_weights(PyObject *module, PyObject *arguments)
{
    unsigned long long weights, out;
    Py_ssize_t columns, features;
    PyObject *arrays;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "KnnKO", &weights, &columns, &features, &out, &arrays))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    round_columns(ADDRESS(const float, weights), columns, features, ADDRESS(unsigned char, out));
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *round_vectors(PyObject *module, PyObject *arguments)
{
    unsigned long long vectors, out;
    Py_ssize_t stride, features, count;
    PyObject *arrays;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "KnnnKO", &vectors, &stride, &features, &count, &out, &arrays))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    round_values(
        ADDRESS(const float, vectors), stride, features, count, ADDRESS(unsigned char, out));
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *scan(PyObject *module, PyObject *arguments)
{
    unsigned long long bias, sequences, vectors, weights, rows, space, states, highest, total;
    PyObject *arrays;
    Task task;
    Reading *reading = &task.reading;
    Inputs *inputs = &task.inputs;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "nKKnpKnnKnpKKKnKKnO", &reading->width, &bias, &sequences, &reading->count,
            &reading->backward, &vectors, &inputs->stride, &inputs->features, &weights,
            &inputs->columns, &task.rounded, &rows, &space, &states, &task.states_stride, &highest, &total,
            &task.pooled_stride, &arrays))
        return NULL;
    reading->bias = ADDRESS(const float, bias);
    reading->sequences = ADDRESS(const int32_t, sequences);
    inputs->vectors = ADDRESS(const void, vectors);
    inputs->weights = ADDRESS(const void, weights);
    task.rows = ADDRESS(const int32_t, rows);
    task.state = ADDRESS(float, space);
    task.products = task.state + reading->width;
    task.states = ADDRESS(float, states);
    task.highest = ADDRESS(float, highest);
    task.total = ADDRESS(float, total);
    Py_BEGIN_ALLOW_THREADS
    read_all(&task);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *scan_gradient(PyObject *module, PyObject *arguments)
{
    unsigned long long bias, sequences, products, states, gradients, d_products, space;
    PyObject *arrays;
    GradientTask task;
    Reading *reading = &task.reading;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "nKKnpKnKnKnKKO", &reading->width, &bias, &sequences, &reading->count,
            &reading->backward, &products, &task.stride, &states, &task.states_stride, &gradients,
            &task.gradients_stride, &d_products, &space, &arrays))
        return NULL;
    reading->bias = ADDRESS(const float, bias);
    reading->sequences = ADDRESS(const int32_t, sequences);
    task.products = ADDRESS(const float, products);
    task.states = ADDRESS(const float, states);
    task.gradients = ADDRESS(const float, gradients);
    task.d_products = ADDRESS(float, d_products);
    task.carried = ADDRESS(float, space);
    task.zeros = task.carried + reading->width;
    Py_BEGIN_ALLOW_THREADS
    back_reader(&task);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"multiply", multiply, METH_VARARGS, NULL},
    {"round_vectors", round_vectors, METH_VARARGS, NULL},
    {"round_weights", round_weights, METH_VARARGS, NULL},
    {"scan", scan, METH_VARARGS, NULL},
    {"scan_gradient", scan_gradient, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "mingru_kernel", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_mingru_kernel(void)
{
    PyObject *module = PyModule_Create(&definition);
    choose();
    if (module
        && (PyModule_AddIntConstant(module, "PANEL", PANEL) < 0
            || PyModule_AddIntConstant(module, "TILE", TILE) < 0
            || PyModule_AddIntConstant(module, "BLOCK", BLOCK) < 0
            || PyModule_AddIntConstant(module, "VECTOR_HEAD", VECTOR_HEAD) < 0
            || PyModule_AddIntConstant(module, "PANEL_HEAD", PANEL_HEAD) < 0
            || PyModule_AddIntConstant(module, "ROUNDS", rounded_multiplier != NULL) < 0
            || PyModule_AddIntConstant(module, "IS_QUICKER_ROUNDED", is_quicker_rounded) < 0))
        Py_CLEAR(module);
    return module;
}
