/* The recurrence of a minGRU along the tokens of many sequences, in one direction.

   What the functions take is in mingru_kernel.pyi. Built without a C compiler, the package goes without:
   compiled_mingru.py then leaves the reading to PyTorch.
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#if defined(_MSC_VER)
#define INLINE static __forceinline
#define restrict __restrict
#elif defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

typedef struct {
    Py_ssize_t width;
    const float *products;
    Py_ssize_t stride;
    const int32_t *rows;
    const float *bias;
    const int32_t *sequences;
    Py_ssize_t count, start, end;
    int backward;
    float *state;
    float *states;
    Py_ssize_t states_stride;
    float *highest, *total;
    Py_ssize_t pooled_stride;
} Task;

typedef struct {
    Py_ssize_t width;
    const float *products;
    Py_ssize_t stride;
    const float *bias;
    const int32_t *sequences;
    Py_ssize_t count;
    int backward;
    const float *states;
    Py_ssize_t states_stride;
    const float *gradients;
    Py_ssize_t gradients_stride;
    float *d_products;
    float *carried;
    const float *zeros;
} GradientTask;

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

INLINE void read_tokens(const Task *task)
{
    Py_ssize_t width = task->width;
    for (Py_ssize_t i = 0; i < task->end - task->start; i++) {
        Py_ssize_t token = task->backward ? task->end - 1 - i : task->start + i;
        Py_ssize_t row = task->rows ? task->rows[token] : token - task->start;
        Py_ssize_t place = task->sequences[token] * task->pooled_stride;
        const float *products = task->products + row * task->stride;
        int first = is_edge(task->sequences, task->count, token, task->backward);
        if (first)
            fill(task->state, 0.0f, width);
        step(products, products + width, task->bias, task->bias + width, task->state, width);
        if (task->states)
            copy(task->state, task->states + token * task->states_stride, width);
        if (task->highest && first) {
            copy(task->state, task->highest + place, width);
            copy(task->state, task->total + place, width);
        } else if (task->highest)
            pool(task->state, task->highest + place, task->total + place, width);
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
    Py_ssize_t width = task->width;
    for (Py_ssize_t i = 0; i < task->count; i++) {
        Py_ssize_t token = task->backward ? i : task->count - 1 - i;
        Py_ssize_t before = task->backward ? token + 1 : token - 1;
        const float *products = task->products + token * task->stride;
        float *d_products = task->d_products + token * task->stride;
        int first = is_edge(task->sequences, task->count, token, task->backward);
        if (is_edge(task->sequences, task->count, token, !task->backward))
            fill(task->carried, 0.0f, width);
        step_back(
            products, products + width, task->bias, task->bias + width,
            first ? task->zeros : task->states + before * task->states_stride,
            task->gradients + token * task->gradients_stride, task->carried, d_products,
            d_products + width, width);
    }
}

static void read_plain(const Task *task) { read_tokens(task); }
static void read_back_plain(const GradientTask *task) { read_back(task); }

static void (*reader)(const Task *) = read_plain;
static void (*back_reader)(const GradientTask *) = read_back_plain;

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define AVX2 __attribute__((target("avx2,fma")))

AVX2 static void read_avx2(const Task *task) { read_tokens(task); }
AVX2 static void read_back_avx2(const GradientTask *task) { read_back(task); }

static void choose(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        reader = read_avx2;
        back_reader = read_back_avx2;
    }
}
#else
static void choose(void) {}
#endif

#define ADDRESS(type, number) ((type *)(uintptr_t)(number))

static PyObject *scan(PyObject *module, PyObject *arguments)
{
    unsigned long long products, rows, bias, sequences, state, states, highest, total;
    Task task;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "nKnKKKnnnpKKnKKn", &task.width, &products, &task.stride, &rows, &bias,
            &sequences, &task.count, &task.start, &task.end, &task.backward, &state, &states,
            &task.states_stride, &highest, &total, &task.pooled_stride))
        return NULL;
    task.products = ADDRESS(const float, products);
    task.rows = ADDRESS(const int32_t, rows);
    task.bias = ADDRESS(const float, bias);
    task.sequences = ADDRESS(const int32_t, sequences);
    task.state = ADDRESS(float, state);
    task.states = ADDRESS(float, states);
    task.highest = ADDRESS(float, highest);
    task.total = ADDRESS(float, total);
    Py_BEGIN_ALLOW_THREADS
    reader(&task);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *scan_gradient(PyObject *module, PyObject *arguments)
{
    unsigned long long products, bias, sequences, states, gradients, d_products, space;
    GradientTask task;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "nKnKKnpKnKnKK", &task.width, &products, &task.stride, &bias, &sequences,
            &task.count, &task.backward, &states, &task.states_stride, &gradients,
            &task.gradients_stride, &d_products, &space))
        return NULL;
    task.products = ADDRESS(const float, products);
    task.bias = ADDRESS(const float, bias);
    task.sequences = ADDRESS(const int32_t, sequences);
    task.states = ADDRESS(const float, states);
    task.gradients = ADDRESS(const float, gradients);
    task.d_products = ADDRESS(float, d_products);
    task.carried = ADDRESS(float, space);
    task.zeros = task.carried + task.width;
    Py_BEGIN_ALLOW_THREADS
    back_reader(&task);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"scan", scan, METH_VARARGS, NULL},
    {"scan_gradient", scan_gradient, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "mingru_kernel", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_mingru_kernel(void)
{
    choose();
    return PyModule_Create(&definition);
}
