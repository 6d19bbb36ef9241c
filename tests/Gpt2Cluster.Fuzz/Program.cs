using System.CommandLine;
using Gpt2Cluster.Fuzz.Commands;

var root = new RootCommand("""
    Gives damaged files to every parser of what people bring: each must be read, or refused in one sentence, within a
    second and 256 MiB.

    Example: dotnet run -c Release --project tests/Gpt2Cluster.Fuzz -- safetensors --count 1000000 --seed 2
    """)
{
    WorkerCommand.Describe(),
};
FuzzCommand.Describe(root);
return root.Parse(args).Invoke();
