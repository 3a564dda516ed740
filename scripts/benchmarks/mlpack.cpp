// Networks of one hidden layer by mlpack: softmax, gradient descent on sums over shuffled minibatches, float32.

#define MLPACK_USE_SYSTEM_STB // where there is one
#include <mlpack.hpp>

using Matrix = arma::fmat;
using Dense = mlpack::LinearType<Matrix, mlpack::L2Regularizer>;
using Network = mlpack::FFN<mlpack::NegativeLogLikelihoodType<Matrix>, mlpack::RandomInitialization, Matrix>;

struct Epochs {
    size_t count = 0;
    template <typename Optimizer, typename Function>
    bool EndEpoch(Optimizer&, Function&, const Matrix&, size_t, double) {
        count++;
        return false;
    }
};

static double accuracy(Network& network, const Matrix& x, const float* labels) {
    Matrix logarithms;
    network.Predict(x, logarithms);
    const arma::urowvec found = arma::index_max(logarithms);
    size_t right = 0;
    for (size_t i = 0; i < found.n_elem; i++)
        right += found[i] == labels[i];
    return double(right) / found.n_elem;
}

// Trains a network on n rows x [n][inputs] with labels y, from parameters: a layer's weights [n_in][n_out],
// its biases, the next layer's. Writes how many epochs it trained, and returns the accuracy on the rows to
// test on; the others are scored too.
extern "C" double train(const float* parameters, float* x, float* y, float* x_test, float* y_test, size_t* trained,
                        size_t n, size_t n_test, size_t inputs, size_t hidden, size_t outputs, size_t tanh,
                        size_t batch, size_t epochs, double rate, double l2) {
    const Matrix rows(x, inputs, n, false), labels(y, 1, n, false), test_rows(x_test, inputs, n_test, false);
    Network network;
    network.Add<Dense>(hidden, mlpack::L2Regularizer(l2 / 2)); // λ/2 Σ w², of biases too
    if (tanh)
        network.Add<mlpack::TanHType<Matrix>>();
    else
        network.Add<mlpack::SigmoidType<Matrix>>();
    network.Add<Dense>(outputs, mlpack::L2Regularizer(l2 / 2));
    network.Add<mlpack::LogSoftMaxType<Matrix>>();
    network.Reset(inputs);
    std::copy_n(parameters, network.Parameters().n_elem, network.Parameters().memptr());
    arma::arma_rng::set_seed(0); // of this thread: the order of the rows
    ens::StandardSGD descent(rate, batch, epochs * n, -1); // stops early only where the cost is not finite
    Epochs done;
    network.Train(rows, labels, descent, done);
    *trained = done.count;
    accuracy(network, rows, y);
    return accuracy(network, test_rows, y_test);
}
