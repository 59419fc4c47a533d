/* The recurrence of a minGRU along the tokens of many sequences, in one direction.

   What `scan` takes is in mingru_kernel.pyi. Built without a C compiler, the package goes without:
   compiled_mingru.py then leaves the reading to PyTorch.
*/
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
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

/* 1 / (1 + 2^y) with y = -x log2(e): 2^y is 2^round(y), made of its bits, times a polynomial of
   what is left, whose relative error is below 2e-9 between -1/2 and 1/2. */
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

INLINE int begins(const Task *task, Py_ssize_t token)
{
    Py_ssize_t before = task->backward ? token + 1 : token - 1;
    return before < 0 || before == task->count
        || task->sequences[before] != task->sequences[token];
}

INLINE void read_tokens(const Task *task)
{
    Py_ssize_t width = task->width;
    for (Py_ssize_t i = 0; i < task->end - task->start; i++) {
        Py_ssize_t token = task->backward ? task->end - 1 - i : task->start + i;
        Py_ssize_t row = task->rows ? task->rows[token] : token - task->start;
        Py_ssize_t place = task->sequences[token] * task->pooled_stride;
        const float *products = task->products + row * task->stride;
        int first = begins(task, token);
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

static void read_plain(const Task *task) { read_tokens(task); }

static void (*reader)(const Task *) = read_plain;

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
__attribute__((target("avx2,fma"))) static void read_avx2(const Task *task) { read_tokens(task); }

static void choose(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        reader = read_avx2;
}
#else
static void choose(void) {}
#endif

static PyObject *scan(PyObject *module, PyObject *arguments)
{
    unsigned long long products, rows, bias, sequences, state, states, highest, total;
    Task task;
    if (!PyArg_ParseTuple(
            arguments, "nKnKKKnnnpKKnKKn", &task.width, &products, &task.stride, &rows, &bias,
            &sequences, &task.count, &task.start, &task.end, &task.backward, &state, &states,
            &task.states_stride, &highest, &total, &task.pooled_stride))
        return NULL;
    task.products = (const float *)(uintptr_t)products;
    task.rows = (const int32_t *)(uintptr_t)rows;
    task.bias = (const float *)(uintptr_t)bias;
    task.sequences = (const int32_t *)(uintptr_t)sequences;
    task.state = (float *)(uintptr_t)state;
    task.states = (float *)(uintptr_t)states;
    task.highest = (float *)(uintptr_t)highest;
    task.total = (float *)(uintptr_t)total;
    Py_BEGIN_ALLOW_THREADS
    reader(&task);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"scan", scan, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "mingru_kernel", NULL, -1, methods};

PyMODINIT_FUNC PyInit_mingru_kernel(void)
{
    choose();
    return PyModule_Create(&definition);
}
